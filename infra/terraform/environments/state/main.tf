# The bucket that the other stages keep their state in. Once for all environments.

provider "google" {
  project               = var.project_id
  billing_project       = var.project_id
  user_project_override = true
}

resource "google_storage_bucket" "state" {
  #checkov:skip=CKV_GCP_62:the project's audit log records who reads and writes the state
  project                     = var.project_id
  name                        = var.bucket
  location                    = var.location
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  # A state that was overwritten can be had back.
  versioning {
    enabled = true
  }

  lifecycle_rule {
    condition {
      num_newer_versions = 50
    }
    action {
      type = "Delete"
    }
  }

  lifecycle {
    prevent_destroy = true
  }
}

resource "google_storage_bucket_iam_member" "operators" {
  for_each = var.operators
  bucket   = google_storage_bucket.state.name
  role     = "roles/storage.objectUser"
  member   = each.key
}

resource "google_project_iam_audit_config" "storage" {
  project = var.project_id
  service = "storage.googleapis.com"

  dynamic "audit_log_config" {
    for_each = toset(["ADMIN_READ", "DATA_READ", "DATA_WRITE"])
    content {
      log_type = audit_log_config.value
    }
  }
}
