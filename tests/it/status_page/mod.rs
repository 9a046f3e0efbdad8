//! The status page: what it says, that nothing in it becomes markup, how it is served, and how it
//! looks in a browser.

mod activity;
mod changes;
mod feed;
mod hostile;
mod pages;
mod picture;
mod scene;
mod seen;
mod served;
mod site;

/// A status page that shows this state, until it is dropped.
pub fn site(state: headwater::serve::state::DaemonState) -> site::Site {
    site::Site::of(state)
}
