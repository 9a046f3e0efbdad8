//! Where files were before a commit moved them.

use std::collections::BTreeMap;

use git2::{Delta, DiffFindOptions, DiffOptions, Oid};

use crate::git::{Error, Repository};
use crate::revision::BlobId;
use crate::snapshot::FilePath;

/// Files of one commit whose contents are compared with one another, on each side.
const MAX_COMPARED: usize = 200;
/// Larger ones are no manifests.
const MAX_BYTES: u64 = 1 << 20;

/// A path, and what stands there.
pub(crate) type FileAt = (FilePath, BlobId);

impl Repository {
    /// For each of the files that are new in the second tree: which file of the first it was. One
    /// that is gone and had the same content, or, as Git itself tells a renamed file, one much
    /// like it.
    pub(crate) fn renames(
        &self,
        (old, new): (Oid, Oid),
        added: &[FileAt],
    ) -> Result<BTreeMap<FilePath, FileAt>, Error> {
        let mut found = BTreeMap::new();
        if added.is_empty() {
            return Ok(found);
        }
        let gone: Vec<FileAt> = self
            .deltas(Some(old), Some(new))?
            .into_iter()
            .filter(|delta| delta.after.is_none())
            .filter_map(|delta| Some((delta.path, delta.before?)))
            .collect();
        let by_content: BTreeMap<BlobId, &FileAt> =
            gone.iter().map(|file| (file.1, file)).collect();
        let mut edited = Vec::new();
        for file in added {
            match by_content.get(&file.1) {
                Some(source) => {
                    found.insert(file.0.clone(), (*source).clone());
                }
                None => edited.push(file),
            }
        }
        let edited = self.comparable(edited)?;
        let gone = self.comparable(gone.iter().collect())?;
        if edited.is_empty() || gone.is_empty() {
            return Ok(found);
        }
        for (to, from) in self.similar((old, new), &edited, &gone)? {
            let source = gone.iter().find(|(path, _)| path.as_str() == from);
            let target = edited.iter().find(|(path, _)| path.as_str() == to);
            if let (Some(source), Some(target)) = (source, target) {
                found.insert(target.0.clone(), (*source).clone());
            }
        }
        Ok(found)
    }

    fn comparable<'f>(&self, files: Vec<&'f FileAt>) -> Result<Vec<&'f FileAt>, Error> {
        let mut comparable = Vec::new();
        for file in files.into_iter().take(MAX_COMPARED) {
            if self.blob_size(file.1)? <= MAX_BYTES {
                comparable.push(file);
            }
        }
        Ok(comparable)
    }

    /// The new path and the old one of each renamed file.
    fn similar(
        &self,
        (old, new): (Oid, Oid),
        added: &[&FileAt],
        gone: &[&FileAt],
    ) -> Result<Vec<(String, String)>, Error> {
        let mut options = DiffOptions::new();
        options.disable_pathspec_match(true);
        for (path, _) in added.iter().chain(gone) {
            options.pathspec(path.as_str());
        }
        let (old, new) = (self.raw_tree(old)?, self.raw_tree(new)?);
        let mut diff = self
            .raw
            .diff_tree_to_tree(Some(&old), Some(&new), Some(&mut options))?;
        diff.find_similar(Some(DiffFindOptions::new().renames(true)))?;
        let text = |path: Option<&[u8]>| String::from_utf8(path?.to_vec()).ok();
        Ok(diff
            .deltas()
            .filter(|delta| delta.status() == Delta::Renamed)
            .filter_map(|delta| {
                let to = text(delta.new_file().path_bytes())?;
                Some((to, text(delta.old_file().path_bytes())?))
            })
            .collect())
    }
}
