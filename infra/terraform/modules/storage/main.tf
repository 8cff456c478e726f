resource "google_storage_bucket" "media" {
  project                     = var.project_id
  name                        = var.bucket_name
  location                    = var.location
  storage_class               = "STANDARD"
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = var.force_destroy
  labels                      = var.labels

  versioning {
    enabled = true
  }

  dynamic "encryption" {
    for_each = var.kms_key_id == null ? [] : [var.kms_key_id]
    content {
      default_kms_key_name = encryption.value
    }
  }

  dynamic "logging" {
    for_each = var.log_bucket == null ? [] : [var.log_bucket]
    content {
      log_bucket = logging.value
    }
  }

  dynamic "cors" {
    for_each = length(var.upload_origins) > 0 ? [var.upload_origins] : []
    content {
      origin          = cors.value
      method          = ["PUT", "OPTIONS"]
      response_header = ["Content-Type", "x-goog-content-length-range"]
      max_age_seconds = 3600
    }
  }

  lifecycle_rule {
    condition {
      age = var.lifecycle_days.nearline
    }
    action {
      type          = "SetStorageClass"
      storage_class = "NEARLINE"
    }
  }
  lifecycle_rule {
    condition {
      age = var.lifecycle_days.coldline
    }
    action {
      type          = "SetStorageClass"
      storage_class = "COLDLINE"
    }
  }
  lifecycle_rule {
    condition {
      days_since_noncurrent_time = var.lifecycle_days.noncurrent
      with_state                 = "ARCHIVED"
    }
    action {
      type = "Delete"
    }
  }
  lifecycle_rule {
    condition {
      age = var.lifecycle_days.upload
    }
    action {
      type = "AbortIncompleteMultipartUpload"
    }
  }

  # What was uploaded and never looked at: the service deletes it once it has.
  lifecycle_rule {
    condition {
      age            = var.lifecycle_days.upload
      matches_prefix = ["uploads/"]
    }
    action {
      type = "Delete"
    }
  }

  # What is deleted can be brought back for a week.
  soft_delete_policy {
    retention_duration_seconds = 604800
  }
}

# Google makes the account by which the CDN reads a private bucket with the first key that signs URLs.
data "google_project" "this" {
  count      = var.signed_urls ? 1 : 0
  project_id = var.project_id
}

resource "google_storage_bucket_iam_member" "cdn" {
  count  = var.signed_urls ? 1 : 0
  bucket = google_storage_bucket.media.name
  role   = "roles/storage.objectViewer"
  member = "serviceAccount:service-${data.google_project.this[0].number}@cloud-cdn-fill.iam.gserviceaccount.com"
}

resource "google_storage_bucket_iam_member" "readers" {
  for_each = var.readers
  bucket   = google_storage_bucket.media.name
  role     = "roles/storage.objectViewer"
  member   = each.key
}

resource "google_compute_backend_bucket" "media" {
  project              = var.project_id
  name                 = "${var.bucket_name}-cdn"
  bucket_name          = google_storage_bucket.media.name
  enable_cdn           = true
  compression_mode     = "DISABLED"
  edge_security_policy = var.edge_security_policy

  cdn_policy {
    cache_mode                   = "CACHE_ALL_STATIC"
    default_ttl                  = var.cache.default_ttl_s
    client_ttl                   = var.cache.default_ttl_s
    max_ttl                      = var.cache.max_ttl_s
    serve_while_stale            = var.cache.stale_s
    negative_caching             = true
    request_coalescing           = true
    signed_url_cache_max_age_sec = var.cache.default_ttl_s
  }
}
