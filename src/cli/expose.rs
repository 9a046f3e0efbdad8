use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::write::{ShapeArgs, WriteArgs, carry_objects};
use crate::verb;

/// Write a Route or Ingress for a service, or a Service for pods
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  headwater expose service/web\n  headwater expose svc web --hostname=www.example.com --path=/shop\n  headwater expose service/web --ingress --hostname=www.example.com\n  headwater expose deployment/web --port=80 --target-port=8080"
)]
pub struct Args {
    /// KIND/NAME, or KIND NAME: a service, or a deployment, dc, rs, rc or pod
    #[arg(value_name = "KIND/NAME")]
    words: Vec<String>,

    /// The new object's name; else the one of what is exposed
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    /// A port of the service, for a Route one of its pods' by name or number
    #[arg(long, value_name = "PORT")]
    port: Option<String>,

    /// Labels, key=value,…; a Service gets these alone
    #[arg(short, long, value_name = "LABELS")]
    labels: Option<String>,

    /// The host name of the Route or Ingress
    #[arg(long, value_name = "HOST")]
    hostname: Option<String>,

    /// The path of the Route or Ingress
    #[arg(long, value_name = "PATH")]
    path: Option<String>,

    /// None, or Subdomain: every host beside the one that is named
    #[arg(long, value_name = "POLICY")]
    wildcard_policy: Option<String>,

    /// Write an Ingress instead of a Route
    #[arg(long)]
    ingress: bool,

    /// The port of the containers that the Service leads to, by name or number
    #[arg(long, value_name = "PORT")]
    target_port: Option<String>,

    /// TCP, UDP or SCTP; else what the containers' ports say
    #[arg(long, value_name = "PROTOCOL")]
    protocol: Option<String>,

    /// The Service's type: ClusterIP, NodePort, LoadBalancer or ExternalName
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,

    /// The Service's selector, key=value,…; else the one of what is exposed
    #[arg(long, value_name = "LABELS")]
    selector: Option<String>,

    #[command(flatten)]
    shape: ShapeArgs,

    #[command(flatten)]
    write: WriteArgs,
}

pub fn run(args: &Args, context: &Context) -> Result<Exit, CliError> {
    let words = verb::Expose {
        words: args.words.clone(),
        name: args.name.clone(),
        port: args.port.clone(),
        labels: args.labels.clone(),
        hostname: args.hostname.clone(),
        path: args.path.clone(),
        wildcard_policy: args.wildcard_policy.clone(),
        is_ingress: args.ingress,
        target_port: args.target_port.clone(),
        protocol: args.protocol.clone(),
        kind: args.kind.clone(),
        selector: args.selector.clone(),
    };
    let shape = args.shape.output;
    carry_objects(args.write.clone(), shape, context, |scene| {
        verb::expose(scene, &words)
    })
}
