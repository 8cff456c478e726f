data "google_project" "this" {
  project_id = var.project_id
}

locals {
  number = data.google_project.this.number
  # Google's services and the accounts by which they use a customer's key: service agents.
  service_agents = {
    bigtable      = { api = "bigtableadmin", domain = "gcp-sa-bigtable" }
    container     = { api = "container", domain = "container-engine-robot" }
    memorystore   = { api = "memorystore", domain = "gcp-sa-memorystore" }
    pubsub        = { api = "pubsub", domain = "gcp-sa-pubsub" }
    secretmanager = { api = "secretmanager", domain = "gcp-sa-secretmanager" }
    storage       = { api = "storage", domain = "gs-project-accounts" }
  }
  # Reminders are published by Secret Manager, whoever else encrypts.
  agents_in_use = toset(concat(["secretmanager"], flatten([for key in values(var.keys) : key.used_by])))
  members = {
    for service in local.agents_in_use :
    service => "serviceAccount:service-${local.number}@${local.service_agents[service].domain}.iam.gserviceaccount.com"
  }
  locations = toset([for key in values(var.keys) : key.location])
  uses = merge([
    for name, key in var.keys : {
      for service in key.used_by : "${name}/${service}" => { key = name, service = service }
    }
  ]...)
}

# Google makes an agent when its service is first used, which is too late to have granted it a key.
resource "google_project_service_identity" "agent" {
  provider = google-beta
  for_each = setsubtract(local.agents_in_use, ["storage"])
  project  = var.project_id
  service  = "${local.service_agents[each.key].api}.googleapis.com"
}

# The one agent that is made by asking for it.
data "google_storage_project_service_account" "agent" {
  count   = contains(local.agents_in_use, "storage") ? 1 : 0
  project = var.project_id
}

resource "google_kms_key_ring" "this" {
  for_each = local.locations
  project  = var.project_id
  name     = "${var.name}-${each.key}"
  location = each.key
}

resource "google_kms_crypto_key" "this" {
  #checkov:skip=CKV_GCP_82:deletion_policy protects the key; prevent_destroy cannot be a variable
  #checkov:skip=CKV_GCP_43:rotation_s is 90 days at the most, by a validation that Checkov cannot see
  for_each        = var.keys
  name            = each.key
  key_ring        = google_kms_key_ring.this[each.value.location].id
  purpose         = "ENCRYPT_DECRYPT"
  rotation_period = "${each.value.rotation_s}s"
  # How long a destroyed version can be brought back: what it encrypts is lost with it.
  destroy_scheduled_duration = "2592000s"
  # What a key encrypts is lost with it. A key ring cannot be deleted at all, so an environment
  # that may go leaves its keys behind.
  deletion_policy = var.deletion_protection ? "PREVENT" : "ABANDON"
}

resource "google_kms_crypto_key_iam_member" "this" {
  for_each      = local.uses
  crypto_key_id = google_kms_crypto_key.this[each.value.key].id
  role          = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
  member        = local.members[each.value.service]

  depends_on = [google_project_service_identity.agent, data.google_storage_project_service_account.agent]
}

# Secret Manager reminds here; whoever is subscribed makes the new version.
resource "google_pubsub_topic" "rotation" {
  #checkov:skip=CKV_GCP_83:a reminder holds the secret's name, which is no secret
  project = var.project_id
  name    = "${var.name}-secret-rotation"
  labels  = var.labels
}

resource "google_pubsub_topic_iam_member" "rotation" {
  project = var.project_id
  topic   = google_pubsub_topic.rotation.name
  role    = "roles/pubsub.publisher"
  member  = local.members["secretmanager"]

  depends_on = [google_project_service_identity.agent]
}

resource "google_secret_manager_secret" "this" {
  for_each            = var.secrets
  project             = var.project_id
  secret_id           = "${var.name}-${each.key}"
  labels              = var.labels
  deletion_protection = var.deletion_protection

  replication {
    user_managed {
      dynamic "replicas" {
        for_each = each.value.replicas
        content {
          location = replicas.key
          customer_managed_encryption {
            kms_key_name = google_kms_crypto_key.this[replicas.value].id
          }
        }
      }
    }
  }

  topics {
    name = google_pubsub_topic.rotation.id
  }

  rotation {
    next_rotation_time = coalesce(var.first_reminder, timeadd(plantimestamp(), "${each.value.remind_s}s"))
    rotation_period    = "${each.value.remind_s}s"
  }

  lifecycle {
    ignore_changes = [rotation[0].next_rotation_time]
  }

  depends_on = [google_kms_crypto_key_iam_member.this, google_pubsub_topic_iam_member.rotation]
}
