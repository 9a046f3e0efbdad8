use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::write::{Shape, ShapeArgs, Verb, WriteArgs, carry, print};
use crate::verb::{self, RoleChange, Target};

/// Let others use the streams of a namespace, by a RoleBinding
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  headwater policy add-role-to-user system:image-puller system:serviceaccount:shop:default -n base\n  headwater policy add-role-to-group system:image-puller system:serviceaccounts:shop -n base"
)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Give a role to users or service accounts
    AddRoleToUser(UserArgs),
    /// Give a role to groups
    AddRoleToGroup(GroupArgs),
    /// Take a role from users or service accounts
    RemoveRoleFromUser(UserArgs),
    /// Take a role from groups
    RemoveRoleFromGroup(GroupArgs),
}

#[derive(Debug, clap::Args)]
struct UserArgs {
    /// The role, then users
    #[arg(value_name = "ROLE USER")]
    words: Vec<String>,

    /// A service account of this namespace, by its short name
    #[arg(
        short = 'z',
        long = "serviceaccount",
        value_name = "NAME",
        value_delimiter = ','
    )]
    service_accounts: Vec<String>,

    #[command(flatten)]
    common: CommonArgs,
}

#[derive(Debug, clap::Args)]
struct GroupArgs {
    /// The role, then groups
    #[arg(value_name = "ROLE GROUP")]
    words: Vec<String>,

    #[command(flatten)]
    common: CommonArgs,
}

#[derive(Debug, clap::Args)]
struct CommonArgs {
    /// The RoleBinding to change or create
    #[arg(long, value_name = "NAME")]
    rolebinding_name: Option<String>,

    #[command(flatten)]
    shape: ShapeArgs,

    #[command(flatten)]
    write: WriteArgs,
}

pub fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let none = Vec::new();
    let (target, is_removal, words, accounts, common) = match &args.command {
        Command::AddRoleToUser(user) => (
            Target::User,
            false,
            &user.words,
            &user.service_accounts,
            &user.common,
        ),
        Command::RemoveRoleFromUser(user) => (
            Target::User,
            true,
            &user.words,
            &user.service_accounts,
            &user.common,
        ),
        Command::AddRoleToGroup(group) => {
            (Target::Group, false, &group.words, &none, &group.common)
        }
        Command::RemoveRoleFromGroup(group) => {
            (Target::Group, true, &group.words, &none, &group.common)
        }
    };
    let change = RoleChange {
        target,
        is_removal,
        words: words.clone(),
        service_accounts: accounts.clone(),
        binding_name: common.rolebinding_name.clone(),
    };
    let mut binding = String::new();
    let mut verb = Verb {
        decide: &mut |scene| {
            let (draft, name) = verb::change_role(scene, &change)?;
            binding = name;
            Ok(draft)
        },
        imports: false,
        is_whole: false,
    };
    let done = carry(&common.write, context, &mut verb)?;
    let shape = common.shape.output;
    // What is left of a binding after a removal may be nothing.
    let shape = shape.filter(|shape| !is_removal || *shape == Shape::Name);
    print(
        &common.write,
        shape,
        &done,
        &[("rolebinding", binding.as_str())],
    )
}
