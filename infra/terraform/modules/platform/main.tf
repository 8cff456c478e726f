module "names" {
  source = "../names"
}

locals {
  apis = [
    "artifactregistry", "bigtable", "bigtableadmin", "billingbudgets", "certificatemanager", "cloudkms",
    "cloudresourcemanager", "cloudtrace", "compute", "container", "dns", "iam", "logging", "memorystore",
    "monitoring", "networkconnectivity", "pubsub", "secretmanager", "storage",
  ]
  labels = { app = var.name }
  secret_names = {
    for variable in module.names.secrets : variable => lower(replace(trimprefix(variable, "AVIARY_"), "_", "-"))
  }
  # By these, processes sign what they ask of each other.
  signing_keys = "signing-keys"
  # What KMS calls the multi region of a bucket.
  media_location = var.media == null ? null : lookup({ EU = "europe" }, upper(var.media.location), lower(var.media.location))
  # One key for each region's stores, since they take keys of their own region only, and one each
  # for what is in no region.
  keys = merge(
    { for region in keys(var.regions) : "stores-${region}" => { location = region, used_by = ["bigtable", "memorystore", "secretmanager"] } },
    { for region in keys(var.regions) : "cluster-${region}" => { location = region, used_by = ["container"] } },
    { messages = { location = "global", used_by = ["pubsub"] } },
    var.media == null ? {} : { media = { location = local.media_location, used_by = ["storage"] } },
  )
}

resource "google_project_service" "this" {
  for_each           = toset(local.apis)
  project            = var.project_id
  service            = "${each.key}.googleapis.com"
  disable_on_destroy = false
}

data "google_project" "this" {
  project_id = var.project_id
}

# Who reads and changes what: Google logs administrators' changes by itself, data only where it is set.
resource "google_project_iam_audit_config" "this" {
  for_each = toset(["bigtable.googleapis.com", "cloudkms.googleapis.com", "secretmanager.googleapis.com"])
  project  = var.project_id
  service  = each.key

  audit_log_config {
    log_type = "ADMIN_READ"
  }
  dynamic "audit_log_config" {
    # Of Bigtable every read would be an entry.
    for_each = each.key == "bigtable.googleapis.com" ? [] : ["DATA_READ", "DATA_WRITE"]
    content {
      log_type = audit_log_config.value
    }
  }
}

module "secrets" {
  source              = "../secrets"
  project_id          = var.project_id
  name                = var.name
  keys                = local.keys
  deletion_protection = var.deletion_protection
  labels              = local.labels
  secrets = {
    for name in concat(values(local.secret_names), [local.signing_keys]) : name => {
      replicas = { for region in keys(var.regions) : region => "stores-${region}" }
    }
  }

  depends_on = [google_project_service.this]
}

module "network" {
  source     = "../network"
  project_id = var.project_id
  name       = var.name
  regions    = { for region, each in var.regions : region => each.ranges }

  depends_on = [google_project_service.this]
}

module "gke" {
  source              = "../gke"
  for_each            = var.regions
  project_id          = var.project_id
  name                = "${var.name}-${each.key}"
  region              = each.key
  network_id          = module.network.network_id
  zones               = each.value.zones
  subnet              = module.network.subnets[each.key]
  node_tag            = module.network.node_tag
  node_pools          = each.value.node_pools
  kms_key_id          = module.secrets.key_ids["cluster-${each.key}"]
  deletion_protection = var.deletion_protection
}

module "bigtable" {
  source              = "../bigtable"
  project_id          = var.project_id
  instance_name       = "${var.name}-rows"
  column_family       = module.names.column_family
  tables              = module.names.tables
  active_cluster      = "${var.name}-${var.active_region}"
  active_profile      = module.names.app_profile
  deletion_protection = var.deletion_protection
  labels              = local.labels
  clusters = {
    for region, each in var.regions : "${var.name}-${region}" => {
      zone       = each.bigtable.zone
      min_nodes  = each.bigtable.min_nodes
      max_nodes  = each.bigtable.max_nodes
      kms_key_id = module.secrets.key_ids["stores-${region}"]
    }
  }
}

module "pubsub" {
  source              = "../pubsub"
  project_id          = var.project_id
  topics              = module.names.topics
  subscriptions       = module.names.subscriptions
  dead_letter_suffix  = module.names.dead_letter_suffix
  ack_deadline_s      = module.names.ack_deadline_s
  kms_key_id          = module.secrets.key_ids["messages"]
  persistence_regions = keys(var.regions)
  labels              = local.labels
}

module "valkey" {
  source              = "../valkey"
  for_each            = var.regions
  project_id          = var.project_id
  name                = "${var.name}-cache"
  region              = each.key
  network_id          = module.network.network_id
  node_type           = each.value.valkey.node_type
  shard_count         = each.value.valkey.shard_count
  replica_count       = each.value.valkey.replica_count
  kms_key_id          = module.secrets.key_ids["stores-${each.key}"]
  deletion_protection = var.deletion_protection
  labels              = merge(local.labels, { region = each.key })

  # The policy lets the instance's addresses be made.
  depends_on = [module.network]
}

# Remembers the nonces of signed requests. It must not evict: a nonce that is forgotten can be used again.
module "nonces" {
  source              = "../valkey"
  for_each            = var.regions
  project_id          = var.project_id
  name                = "${var.name}-nonces"
  region              = each.key
  network_id          = module.network.network_id
  node_type           = each.value.nonces.node_type
  shard_count         = each.value.nonces.shard_count
  replica_count       = each.value.nonces.replica_count
  engine_configs      = { "maxmemory-policy" = "noeviction" }
  kms_key_id          = module.secrets.key_ids["stores-${each.key}"]
  deletion_protection = var.deletion_protection
  labels              = merge(local.labels, { region = each.key })

  depends_on = [module.network]
}

module "storage" {
  source         = "../storage"
  count          = var.media == null ? 0 : 1
  project_id     = var.project_id
  bucket_name    = var.media.bucket
  location       = var.media.location
  upload_origins = var.media.upload_origins
  signed_urls    = var.media.signed_urls
  kms_key_id     = module.secrets.key_ids["media"]
  force_destroy  = !var.deletion_protection
  labels         = local.labels
}

module "budget" {
  source          = "../budget"
  count           = var.billing == null ? 0 : 1
  billing_account = var.billing.account
  amount          = var.billing.amount
  currency        = var.billing.currency
  name            = var.name
  project_number  = data.google_project.this.number

  depends_on = [google_project_service.this]
}

# Services make nothing themselves (AVIARY_SCHEMA=given): at its start each looks whether what it
# needs is there, and names what is missing. It sees no data by this role.
resource "google_project_iam_custom_role" "schema_reader" {
  project     = var.project_id
  role_id     = "${replace(var.name, "-", "_")}_schema_reader"
  title       = "Aviary schema reader"
  description = "Looks up tables and subscriptions, without what is in them."
  permissions = ["bigtable.tables.get", "pubsub.subscriptions.get"]
}
