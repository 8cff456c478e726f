# One OpenTelemetry collector for the cluster: traces to Cloud Trace, metrics to Managed Prometheus.

locals {
  collector_port = 4317
  collector_config = {
    receivers = {
      otlp = { protocols = { grpc = { endpoint = "0.0.0.0:${local.collector_port}" } } }
    }
    processors = {
      # Managed Prometheus wants to know where a series is from.
      resourcedetection = { detectors = ["gcp"], timeout = "10s" }
      memory_limiter    = { check_interval = "1s", limit_percentage = 75, spike_limit_percentage = 15 }
      batch             = { send_batch_size = 200, timeout = "5s" }
    }
    exporters = {
      googlecloud             = {}
      googlemanagedprometheus = {}
    }
    service = {
      telemetry = { logs = { encoding = "json" } }
      pipelines = {
        traces = {
          receivers  = ["otlp"]
          processors = ["memory_limiter", "resourcedetection", "batch"]
          exporters  = ["googlecloud"]
        }
        metrics = {
          receivers  = ["otlp"]
          processors = ["memory_limiter", "resourcedetection", "batch"]
          exporters  = ["googlemanagedprometheus"]
        }
      }
    }
  }
}

module "collector" {
  source = "../service"
  count  = var.collector_image == null ? 0 : 1

  name             = "collector"
  active           = var.active
  project_id       = var.project_id
  region           = var.region
  workload_pool    = var.workload_pool
  namespace        = kubernetes_namespace_v1.this.metadata[0].name
  image            = var.collector_image
  args             = ["--config=/etc/aviary/collector.yaml"]
  port             = local.collector_port
  probe            = "tcp"
  config_map_files = { "collector.yaml" = yamlencode(local.collector_config) }

  node_class = try(coalesce(var.sizes["collector"].node_class), var.default_node_class)
  resources  = try(var.sizes["collector"].resources, {})
  scaling    = try(var.sizes["collector"].scaling, {})
}

# Roles that exist for projects only.
resource "google_project_iam_member" "collector" {
  for_each = var.collector_image == null ? toset([]) : toset(["roles/cloudtrace.agent", "roles/monitoring.metricWriter"])
  project  = var.project_id
  role     = each.key
  member   = "serviceAccount:${module.collector[0].service_account}"
}
