locals {
  active_cluster = coalesce(var.active_cluster, sort(keys(var.clusters))[0])
  # As services/platform/rows/bigtable/schema.py makes them: only the newest version of a cell is read.
  newest      = { max_version = 1 }
  keep_newest = jsonencode({ rules = [local.newest] })
  keep_newest_until = {
    for name, table in var.tables : name => jsonencode({
      mode  = "union"
      rules = [local.newest, { max_age = "${table.max_age_s}s" }]
    }) if table.max_age_s != null
  }
}

resource "google_bigtable_instance" "this" {
  #checkov:skip=CKV_GCP_122:deletion_protection is a variable, true unless an environment says otherwise
  project             = var.project_id
  name                = var.instance_name
  deletion_protection = var.deletion_protection
  labels              = var.labels

  dynamic "cluster" {
    for_each = var.clusters
    content {
      cluster_id   = cluster.key
      zone         = cluster.value.zone
      kms_key_name = cluster.value.kms_key_id
      storage_type = cluster.value.storage_type

      autoscaling_config {
        min_nodes      = cluster.value.min_nodes
        max_nodes      = cluster.value.max_nodes
        cpu_target     = cluster.value.cpu_target
        storage_target = cluster.value.storage_target
      }
    }
  }

  lifecycle {
    precondition {
      condition     = contains(keys(var.clusters), local.active_cluster)
      error_message = "The active cluster ${local.active_cluster} is not among the clusters."
    }
  }
}

resource "google_bigtable_table" "this" {
  for_each            = var.tables
  project             = var.project_id
  instance_name       = google_bigtable_instance.this.name
  name                = each.key
  deletion_protection = var.deletion_protection ? "PROTECTED" : "UNPROTECTED"

  column_family {
    family = var.column_family
  }

  automated_backup_policy {
    frequency        = var.backup.frequency
    retention_period = var.backup.retention
  }
}

resource "google_bigtable_gc_policy" "this" {
  for_each      = var.tables
  project       = var.project_id
  instance_name = google_bigtable_instance.this.name
  table         = google_bigtable_table.this[each.key].name
  column_family = var.column_family
  # A rule cannot be removed from a replicated table; abandoning leaves it in place.
  deletion_policy = "ABANDON"
  gc_rules        = each.value.max_age_s == null ? local.keep_newest : local.keep_newest_until[each.key]
}

# Checks and increments of a row are possible in one cluster only, so every write goes through
# the active one. This is the profile for whoever writes.
resource "google_bigtable_app_profile" "active" {
  project        = var.project_id
  instance       = google_bigtable_instance.this.name
  app_profile_id = var.active_profile
  description    = "Reads and writes through the active cluster, conditional writes too."
  # Bigtable warns of a change of cluster, which is what a failover is.
  ignore_warnings = true

  single_cluster_routing {
    cluster_id                 = local.active_cluster
    allow_transactional_writes = true
  }
}
