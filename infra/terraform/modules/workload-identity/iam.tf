# What the service may do, resource by resource. Nothing is granted on the project but `project_roles`: a role whose
# permissions only look up what is there, and those that exist for projects alone.

locals {
  dead_topics = [for name in var.pubsub.subscribes : "${name}${var.pubsub.dead_letter_suffix}"]
  redriven    = [for name in var.pubsub.dead_letters : "${name}${var.pubsub.dead_letter_suffix}"]
  publishes   = toset(concat(var.pubsub.publishes, local.dead_topics))
  consumes    = toset(concat(var.pubsub.subscribes, local.redriven))
}

resource "google_bigtable_table_iam_member" "this" {
  for_each      = var.bigtable == null ? toset([]) : toset(var.bigtable.tables)
  project       = var.project_id
  instance_name = var.bigtable.instance
  table         = each.key
  role          = "roles/bigtable.user"
  member        = google_service_account.this.member
}

resource "google_pubsub_topic_iam_member" "publishes" {
  for_each = local.publishes
  project  = var.project_id
  topic    = each.key
  role     = "roles/pubsub.publisher"
  member   = google_service_account.this.member
}

resource "google_pubsub_subscription_iam_member" "consumes" {
  for_each     = local.consumes
  project      = var.project_id
  subscription = each.key
  role         = "roles/pubsub.subscriber"
  member       = google_service_account.this.member
}

# Listing dead letters first makes sure that Pub/Sub answers, by looking the subscription up.
resource "google_pubsub_subscription_iam_member" "looks_up" {
  for_each     = toset(local.redriven)
  project      = var.project_id
  subscription = each.key
  role         = "roles/pubsub.viewer"
  member       = google_service_account.this.member
}

resource "google_project_iam_member" "this" {
  for_each = var.project_roles
  project  = var.project_id
  role     = each.key
  member   = google_service_account.this.member
}

resource "google_storage_bucket_iam_member" "media" {
  count  = var.media_bucket == null ? 0 : 1
  bucket = var.media_bucket
  role   = "roles/storage.objectUser"
  member = google_service_account.this.member
}

# It has no key: Google signs URLs for it, which it may ask for in its own name alone.
resource "google_service_account_iam_member" "signs" {
  count              = var.media_bucket == null ? 0 : 1
  service_account_id = google_service_account.this.name
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = google_service_account.this.member
}
