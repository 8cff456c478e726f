locals {
  labels = {
    "app.kubernetes.io/name"    = var.name
    "app.kubernetes.io/part-of" = "aviary"
  }
  # Regions have identities of their own, so that one can be cut off alone. At most 30 characters.
  short_region = replace(replace(replace(replace(var.region, "europe-", "eu"), "us-", "us"), "asia-", "as"), "-", "")
  account_id   = "${substr("aviary-${var.name}", 0, 17)}-${substr(local.short_region, 0, 12)}"
  # The plain word is asked for where plaintext is meant: services do not start without.
  environment = merge(
    var.environment,
    var.certificate == null ? { AVIARY_TLS = "off" } : { AVIARY_TLS_DIR = local.certificates_folder },
  )
  # Kubernetes has no certificate to show, so behind one it asks for health at a port that wants none.
  asks_health = var.probe == "grpc" && (var.certificate == null || var.probe_port != null)
  health_port = var.probe_port == null ? var.port : var.probe_port
  protocol    = var.certificate == null ? var.probe : "tcp"
  # Environment variables that secrets fill, in one Kubernetes secret.
  secret_name = "${var.name}-secrets"
}

resource "google_service_account" "this" {
  project      = var.project_id
  account_id   = local.account_id
  display_name = "Aviary ${var.name} in ${var.region}"
}

resource "google_service_account_iam_member" "workload" {
  service_account_id = google_service_account.this.name
  role               = "roles/iam.workloadIdentityUser"
  member             = "serviceAccount:${var.workload_pool}[${var.namespace}/${var.name}]"
}

resource "kubernetes_service_account_v1" "this" {
  metadata {
    name        = var.name
    namespace   = var.namespace
    labels      = local.labels
    annotations = { "iam.gke.io/gcp-service-account" = google_service_account.this.email }
  }
  # The API server's token; Google's come from the metadata server.
  automount_service_account_token = false
}

resource "kubernetes_config_map_v1" "files" {
  count = length(var.config_map_files) > 0 ? 1 : 0

  metadata {
    name      = "${var.name}-files"
    namespace = var.namespace
    labels    = local.labels
  }
  data = var.config_map_files
}

resource "kubernetes_service_v1" "this" {
  metadata {
    name      = var.name
    namespace = var.namespace
    labels    = local.labels
    annotations = var.network_endpoint_group == null ? {} : {
      "cloud.google.com/neg" = jsonencode({
        exposed_ports = { (tostring(var.port)) = { name = var.network_endpoint_group } }
      })
    }
  }

  spec {
    # Headless: clients balance by themselves over all pods (services/platform/rpc/channels.py). The load
    # balancer's endpoint groups, though, need a service with an address.
    cluster_ip = var.network_endpoint_group == null ? "None" : null
    selector   = { "app.kubernetes.io/name" = var.name }

    port {
      name         = local.protocol
      port         = var.port
      target_port  = var.port
      app_protocol = local.protocol == "grpc" ? "kubernetes.io/h2c" : null
    }

    dynamic "port" {
      for_each = var.extra_ports
      content {
        name        = "extra-${port.value}"
        port        = port.value
        target_port = port.value
      }
    }
  }

  lifecycle {
    # GKE writes the state of the endpoint groups here.
    ignore_changes = [metadata[0].annotations["cloud.google.com/neg-status"]]
  }
}
