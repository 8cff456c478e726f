# Who the pods are, and where they run. What they are is in manifests.tf.

module "names" {
  source = "../names"
}

resource "kubernetes_namespace_v1" "this" {
  metadata {
    name = var.namespace
    labels = {
      "app.kubernetes.io/part-of"          = "aviary"
      "pod-security.kubernetes.io/enforce" = "restricted"
    }
  }
}

# The edge and whoever else is not named here is nobody to Google.
module "identity" {
  source   = "../workload-identity"
  for_each = module.names.services

  name          = each.key
  project_id    = var.project_id
  region        = var.region
  workload_pool = var.workload_pool
  namespace     = kubernetes_namespace_v1.this.metadata[0].name
  project_roles = var.schema_role == null ? [] : [var.schema_role]
  media_bucket  = each.key == "media" ? var.media_bucket : null

  bigtable = length(each.value.tables) == 0 ? null : {
    instance = var.bigtable_instance
    tables   = each.value.tables
  }

  pubsub = {
    publishes          = each.value.publishes
    subscribes         = each.value.subscribes
    dead_letters       = each.key == module.names.dead_letter_operator ? keys(module.names.subscriptions) : []
    dead_letter_suffix = module.names.dead_letter_suffix
  }
}

module "collector_identity" {
  source = "../workload-identity"
  count  = var.collector_image == null ? 0 : 1

  name          = "collector"
  project_id    = var.project_id
  region        = var.region
  workload_pool = var.workload_pool
  namespace     = kubernetes_namespace_v1.this.metadata[0].name
  # Roles that exist for projects only.
  project_roles = ["roles/cloudtrace.agent", "roles/monitoring.metricWriter"]
}
