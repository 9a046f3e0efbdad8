//! `new-app` and `expose` against a registry.

use serde_json::json;

use crate::support::registry::configuration_of;
use crate::support::scene::{HOST, Scene, stream};

/// An image with ports, volumes and a user.
fn push_server(scene: &Scene, tag: &str, seed: &str) -> String {
    let mut config = configuration_of(seed, &"linux/amd64".parse().unwrap());
    config["config"] = json!({
        "User": "1001",
        // One text may hold several, and what is no port is left out.
        "ExposedPorts": {"8443/tcp": {}, "8080": {}, "53/udp 53/tcp": {}, "http/tcp": {}, "1-2/tcp": {}, "70000/tcp": {}, "9/sctp": {}},
        "Volumes": {"/var/lib/data": {}, "/cache": {}},
        "Labels": {
            "io.k8s.display-name": "Shop",
            "io.k8s.description": "Sells things.",
            "io.openshift.tags": "builder,shop",
        },
    });
    let digest = scene
        .registry
        .push_configured("acme/web", tag, seed, config);
    digest.to_string()
}

const DEPLOYMENT: &str = r#"apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
  labels:
    app: web
    app.kubernetes.io/component: web
    app.kubernetes.io/instance: web
    app.kubernetes.io/name: web
  annotations:
    image.openshift.io/triggers: '[{"from":{"kind":"ImageStreamTag","name":"web:1"},"fieldPath":"spec.template.spec.containers[?(@.name==\"web\")].image"}]'
    openshift.io/generated-by: OpenShiftNewApp
spec:
  replicas: 1
  selector:
    matchLabels:
      deployment: web
  template:
    metadata:
      labels:
        deployment: web
      annotations:
        openshift.io/generated-by: OpenShiftNewApp
    spec:
      containers:
      - name: web
        image: " "
        imagePullPolicy: IfNotPresent
        env:
        - name: LEVEL
          value: info
        ports:
        - containerPort: 53
          protocol: TCP
        - containerPort: 53
          protocol: UDP
        - containerPort: 8080
          protocol: TCP
        - containerPort: 8443
          protocol: TCP
        volumeMounts:
        - name: web-volume-1
          mountPath: /cache
        - name: web-volume-2
          mountPath: /var/lib/data
      volumes:
      - name: web-volume-1
        emptyDir: {}
      - name: web-volume-2
        emptyDir: {}
"#;

/// Stays as it is, and shows where the namespace has its objects.
const OTHER: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: other, namespace: shop}
spec:
  template:
    spec:
      containers: [{name: other, image: \"quay.io/acme/other:1\"}]
";

const SERVICE: &str = "apiVersion: v1
kind: Service
metadata:
  name: web
  namespace: shop
  labels:
    app: web
    app.kubernetes.io/component: web
    app.kubernetes.io/instance: web
    app.kubernetes.io/name: web
  annotations:
    openshift.io/generated-by: OpenShiftNewApp
spec:
  ports:
  - name: 53-tcp
    port: 53
    protocol: TCP
    targetPort: 53
  - name: 53-udp
    port: 53
    protocol: UDP
    targetPort: 53
  - name: 8080-tcp
    port: 8080
    protocol: TCP
    targetPort: 8080
  - name: 8443-tcp
    port: 8443
    protocol: TCP
    targetPort: 8443
  selector:
    deployment: web
";

#[test]
fn an_application_is_written_from_its_image_and_the_next_pin_fills_it_in() {
    let scene = Scene::of(&[
        ("streams/web.yaml", &stream("shop", "web", "1")),
        ("k8s/other.yaml", OTHER),
    ]);
    let digest = push_server(&scene, "1", "one");
    let words = [
        "new-app",
        "--image-stream=web:1",
        "LEVEL=info",
        "-n",
        "shop",
    ];
    let dry = [&words[..], &["--dry-run", "-o", "yaml"]].concat();
    let run = scene.types(&dry).exits(0);
    assert_eq!(run.stdout, format!("{DEPLOYMENT}---\n{SERVICE}"));
    assert!(!scene.person.path().join("k8s/web-deployment.yaml").exists());

    let run = scene.types(&words).exits(0);
    let (found, rest) = run.stdout.split_once('\n').unwrap();
    assert!(
        found.starts_with("--> Found image ")
            && found.ends_with(" old) in image stream \"shop/web\" under tag \"1\" for \"web:1\""),
        "{found}"
    );
    assert_eq!(
        rest,
        r#"
    Shop
    ----
    Sells things.

    Tags: builder, shop

    * Ports 53/tcp, 53/udp, 8080/tcp, 8443/tcp will be load balanced by service "web"
      * Other containers can access this service through the hostname "web"
    * This image declares volumes and will default to use non-persistent, host-local storage.
      You can add persistent volumes later in its manifest.

--> Creating resources ...
    deployment.apps "web" created
    service "web" created
--> Success
    No image is recorded for "shop/web:1" yet: 'headwater pin' asks its registry and fills it in.
    Application is not exposed. You can expose services to the outside world by executing one or more of the commands below:
     'headwater expose service/web'
    Commit the files to deploy your app.
"#
    );
    assert_eq!(scene.clone_file("k8s/web-deployment.yaml"), DEPLOYMENT);
    assert_eq!(scene.clone_file("k8s/web-service.yaml"), SERVICE);
    assert_eq!(scene.clone_file("k8s/other.yaml"), OTHER);
    scene
        .types(&["expose", "service/web", "-n", "shop"])
        .exits(0);
    let route = scene.clone_file("k8s/web-route.yaml");
    assert!(route.contains("    targetPort: 53-tcp\n"), "{route}");

    scene
        .types(&["validate"])
        .exits(0)
        .says("0 errors, 0 warnings");
    scene.types(&["pin"]).exits(0);
    let pinned = format!("image: \"{HOST}/acme/web:1@{digest}\"");
    let filled = DEPLOYMENT.replace("image: \" \"", &pinned);
    assert_eq!(scene.clone_file("k8s/web-deployment.yaml"), filled);
    scene.types(&["plan", "--exit-code"]).exits(0);

    // What is recorded is filled in at once, and nothing is left to do.
    let again = [
        "new-app",
        "web:1",
        "--name=again",
        "--as-deployment-config",
        "-n",
        "shop",
    ];
    scene
        .types(&again)
        .exits(0)
        .says("    deploymentconfig.apps.openshift.io \"again\" created\n")
        .never_says("No image is recorded");
    let again = scene.clone_file("k8s/again-deploymentconfig.yaml");
    assert!(again.contains(&pinned), "{again}");
    assert!(again.contains("    deploymentconfig: again\n"), "{again}");
    scene.types(&["plan", "--exit-code"]).exits(0);
    scene
        .types(&["validate"])
        .exits(0)
        .says("0 errors, 0 warnings");
}

#[test]
fn an_image_without_ports_has_no_service_and_root_is_warned_of() {
    let scene = Scene::of(&[("streams/web.yaml", &stream("shop", "web", "1"))]);
    scene.image("acme/web", "1", "one");
    scene
        .types(&["new-app", "web:1", "-n", "shop"])
        .exits(0)
        .says("    * The image does not expose any ports - if you want to load balance or send traffic to this component\n      you will need to create a service with 'headwater expose deployment/web --port=[port]' later\n")
        .says("    * WARNING: Image \"shop/web:1\" runs as the 'root' user which may not be permitted by your cluster administrator\n")
        .never_says("service \"web\" created");
    let path = "apps/shop/web-deployment.yaml";
    assert!(!scene.clone_file(path).contains("ports:"));
    scene
        .types(&["expose", "deployment/web", "--port=8080", "-n", "shop"])
        .exits(0)
        .says("service/web exposed");
    let service = scene.clone_file("apps/shop/web-service.yaml");
    assert!(
        service.contains("  selector:\n    deployment: web\n"),
        "{service}"
    );
}

#[test]
fn an_application_goes_to_a_branch_of_its_own() {
    let scene = Scene::of(&[("streams/web.yaml", &stream("shop", "web", "1"))]);
    push_server(&scene, "1", "one");
    scene
        .types(&["new-app", "web:1", "-n", "shop", "--pull-request"])
        .exits(0)
        .says("    service \"web\" created\n");
    assert!(!scene.person.path().join("apps").exists());
    let branches = scene.person.git(&[
        "branch",
        "--list",
        "headwater/*",
        "--format=%(refname:short)",
    ]);
    let branch = branches.trim();
    assert!(branch.starts_with("headwater/"), "{branches}");
    let files = scene.person.git(&["diff", "--name-only", "main", branch]);
    assert_eq!(
        files.lines().collect::<Vec<_>>(),
        [
            "apps/shop/web-deployment.yaml",
            "apps/shop/web-service.yaml"
        ]
    );
    let message = scene.person.git(&["log", "-1", "--format=%B", branch]);
    assert!(
        message.contains("deployment.apps/web created\nservice/web created\n"),
        "{message}"
    );
}
