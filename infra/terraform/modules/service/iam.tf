# What the service may do, resource by resource. Nothing is granted on the project but the role of
# `schema_role`, whose permissions only look up what is there.

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

resource "google_secret_manager_secret_iam_member" "this" {
  for_each  = var.secrets
  secret_id = each.value
  role      = "roles/secretmanager.secretAccessor"
  # The pod itself, not its Google account: the cluster reads the secret in the pod's name.
  member = "principal://iam.googleapis.com/projects/${data.google_project.this.number}/locations/global/workloadIdentityPools/${var.workload_pool}/subject/ns/${var.namespace}/sa/${var.name}"
}

resource "google_project_iam_member" "schema_reader" {
  count   = var.schema_role == null ? 0 : 1
  project = var.project_id
  role    = var.schema_role
  member  = google_service_account.this.member
}

data "google_project" "this" {
  project_id = var.project_id
}
