mock_provider "google" {
  source = "../../mocks"
}

mock_provider "kubernetes" {}

variables {
  project_id        = "my-project"
  region            = "europe-west1"
  workload_pool     = "my-project.svc.id.goog"
  bigtable_instance = "aviary-rows"
  image             = "example.com/aviary@sha256:1111111111111111111111111111111111111111111111111111111111111111"
  envoy_image       = "example.com/envoy@sha256:2222222222222222222222222222222222222222222222222222222222222222"
  collector_image   = "example.com/collector@sha256:3333333333333333333333333333333333333333333333333333333333333333"
  issuer_url        = "https://api.example.com"
  edge_config       = "providers:\n  aviary:\n    issuer: https://api.example.com\n"
  schema_role       = "projects/my-project/roles/aviary_schema_reader"
  signing_keys      = "projects/my-project/secrets/aviary-signing-keys"
  secrets           = { AVIARY_CURSOR_KEY = "projects/my-project/secrets/aviary-cursor-key" }
  valkey = {
    cache                   = "10.2.0.2:6379"
    nonces                  = "10.2.0.3:6379"
    certificate_authorities = "-----BEGIN CERTIFICATE-----"
    range                   = "10.2.0.0/24"
  }
  search = {
    range                   = "10.4.0.0/24"
    certificate_authorities = "-----BEGIN CERTIFICATE-----\nsearch"
  }
  sizes = {
    fanout = { node_class = "workers", scaling = { min = 6, max = 150, backlog_per_pod = 500 } }
    edge   = { resources = { cpu = "4", memory = "2Gi" } }
  }
}

# One run, as each plans everything: what is asserted stands under what it is about.
run "all_of_it_is_made_as_it_should_be" {
  # All of it can be made.
  assert {
    condition     = length(output.running) == length(module.names.services) + length(["edge", "collector"])
    error_message = "A workload is missing."
  }
  assert {
    condition = alltrue([
      for name in keys(module.names.services) :
      kubernetes_manifest.around_pods["ServiceAccount/${name}"].manifest.metadata.annotations["iam.gke.io/gcp-service-account"] == module.identity[name].email
    ])
    error_message = "A service's pods are not its Google identity."
  }

  # Only the operator of dead letters sees all of them.
  assert {
    condition     = contains(output.grants["fanout"].subscribes, "graph.erasure.dead")
    error_message = "The fan-out cannot list the dead letters of others."
  }
  assert {
    condition     = output.grants["tweet"].subscribes == tolist(["tweet.erasure", "tweet.scanning"])
    error_message = "The tweet service reads more than its own."
  }
  assert {
    condition     = jsonencode(output.grants["gateway"]) == jsonencode({ tables = [], publishes = [], subscribes = [] })
    error_message = "The gateway needs nothing of the cloud."
  }

  # Search reaches its engine, and nobody else does.
  assert {
    condition     = kubernetes_manifest.around_pods["NetworkPolicy/search-to-opensearch"].manifest.spec.egress[0].to[0].ipBlock.cidr == "10.4.0.0/24"
    error_message = "The search service does not reach OpenSearch."
  }
  assert {
    condition     = keys(kubernetes_config_map_v1.this["aviary-valkey-authorities"].data) == tolist(["authorities.pem", "search.pem"])
    error_message = "The search service does not know who signed for OpenSearch."
  }

  # Pods are nobody.
  assert {
    condition = alltrue(flatten([
      for each in values(kubernetes_manifest.workload) : [
        for container in concat(each.manifest.spec.template.spec.containers, try(each.manifest.spec.template.spec.initContainers, [])) :
        container.securityContext.readOnlyRootFilesystem && !container.securityContext.allowPrivilegeEscalation && contains(container.securityContext.capabilities.drop, "ALL")
      ]
    ]))
    error_message = "A container can write to its image, or gain rights."
  }
  assert {
    condition = alltrue([
      for each in values(kubernetes_manifest.workload) : each.manifest.spec.template.spec.securityContext.runAsNonRoot && !each.manifest.spec.template.spec.automountServiceAccountToken
    ])
    error_message = "Pods may be root, or talk to the API server."
  }

  # Images are those that were given.
  assert {
    condition = toset(flatten([
      for each in values(kubernetes_manifest.workload) : [
        for container in concat(each.manifest.spec.template.spec.containers, try(each.manifest.spec.template.spec.initContainers, [])) : container.image
      ]
    ])) == toset([var.image, var.envoy_image, var.collector_image])
    error_message = "An image is not one of the three."
  }

  # Nothing is in the clear.
  assert {
    condition     = contains([for each in kubernetes_manifest.workload["Deployment/tweet"].manifest.spec.template.spec.initContainers[0].volumeMounts : each.mountPath], "/var/run/aviary/tls")
    error_message = "The sidecar has no certificate."
  }
  assert {
    condition     = kubernetes_config_map_v1.this["aviary"].data["AVIARY_SIDECAR"] == "on"
    error_message = "Services do without their sidecars."
  }
  assert {
    condition     = kubernetes_manifest.around_pods["Certificate/tweet"].manifest.spec.issuerRef.name == "aviary-mesh"
    error_message = "Nobody signs the certificates."
  }
  assert {
    condition     = startswith(kubernetes_secret_v1.valkey.data["AVIARY_CACHE_VALKEY_URL"], "rediss://10.2.0.2:6379/")
    error_message = "Valkey is spoken to in the clear."
  }

  # Health is asked for where no certificate is wanted.
  assert {
    condition     = kubernetes_manifest.workload["Deployment/fanout"].manifest.spec.template.spec.containers[0].readinessProbe.grpc.port == module.names.probe_port
    error_message = "Kubernetes asks a port that wants a certificate."
  }

  # Further listeners can be dialled.
  assert {
    condition = toset(values(module.names.services["identity"].extra_ports)) == toset([
      for each in kubernetes_manifest.around_pods["Service/identity"].manifest.spec.ports : each.port if each.name == "http"
    ])
    error_message = "The service hides a listener."
  }

  # Who may dial whom is closed but for the call table.
  assert {
    condition     = kubernetes_manifest.around_pods["NetworkPolicy/default-deny"].manifest.spec.policyTypes == ["Ingress", "Egress"]
    error_message = "Pods may dial each other as they like."
  }
  assert {
    condition     = kubernetes_manifest.around_pods["NetworkPolicy/to-valkey"].manifest.spec.egress[0].to[0].ipBlock.cidr == "10.2.0.0/24"
    error_message = "Pods cannot reach Valkey, or more than that."
  }

  # A service scales by its backlog.
  assert {
    condition     = toset([for metric in kubernetes_manifest.autoscaler["HorizontalPodAutoscaler/fanout"].manifest.spec.metrics : metric.type]) == toset(["Resource", "External"])
    error_message = "It does not follow its backlog."
  }
  assert {
    condition     = kubernetes_manifest.autoscaler["HorizontalPodAutoscaler/fanout"].manifest.spec.maxReplicas == 150
    error_message = "It has other bounds than were given."
  }
  assert {
    condition     = length(kubernetes_manifest.autoscaler["HorizontalPodAutoscaler/tweet"].manifest.spec.metrics) == 1
    error_message = "A service without a backlog to follow asks the adapter for one."
  }

  # Sizes are those that were given.
  assert {
    condition     = jsonencode(kubernetes_manifest.workload["Deployment/edge"].manifest.spec.template.spec.containers[0].resources) == jsonencode({ limits = { memory = "2Gi" }, requests = { cpu = "4", memory = "2Gi" } })
    error_message = "A pod has other resources, or a limit below what it asks for."
  }
  assert {
    condition     = kubernetes_manifest.workload["Deployment/fanout"].manifest.spec.template.spec.nodeSelector["aviary/class"] == "workers"
    error_message = "It runs on another node pool."
  }

  # The audit log outlives its pod.
  assert {
    condition     = kubernetes_manifest.workload["StatefulSet/identity"].manifest.spec.volumeClaimTemplates[0].metadata.name == "data"
    error_message = "The audit log goes with its pod."
  }

  # Secrets are copied by nobody else.
  assert {
    condition     = kubernetes_manifest.secret["aviary-signing-keys"].manifest.spec.secretObject.data[0].targetKey == "signing.keys"
    error_message = "Pods look for the signing keys in vain."
  }
  assert {
    condition     = alltrue([for each in values(google_secret_manager_secret_iam_member.copier) : endswith(each.member, "/ns/aviary/sa/secret-copier")])
    error_message = "Somebody else may read a secret."
  }
}

run "standing_by_is_no_pod_but_all_grants" {
  command = plan
  variables {
    active = false
  }

  assert {
    condition     = length(kubernetes_manifest.workload) == 0 && length(kubernetes_manifest.autoscaler) == 0
    error_message = "Pods run in a region that stands by."
  }
  assert {
    condition     = contains(output.grants["timeline"].tables, "home")
    error_message = "A failover would have to wait for grants."
  }
}

run "an_issuer_has_no_path" {
  command = plan
  variables {
    issuer_url  = "https://api.example.com/oauth"
    edge_config = "providers:\n  aviary:\n    issuer: https://api.example.com/oauth\n"
  }
  expect_failures = [var.issuer_url]
}

run "edge_and_services_name_one_issuer" {
  command = plan
  variables {
    edge_config = "providers:\n  aviary:\n    issuer: https://elsewhere.example.com\n"
  }
  expect_failures = [var.edge_config]
}

run "an_image_is_named_by_digest" {
  command = plan
  variables {
    image = "example.com/aviary:latest"
  }
  expect_failures = [var.image]
}
