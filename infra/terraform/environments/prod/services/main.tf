provider "google" {
  project               = local.platform.project_id
  billing_project       = local.platform.project_id
  user_project_override = true
}

provider "kubernetes" {
  alias = "europe_west1"
  host  = "https://${local.platform.clusters["europe-west1"].dns_endpoint}"
  token = data.google_client_config.this.access_token
}

provider "kubernetes" {
  alias = "europe_west4"
  host  = "https://${local.platform.clusters["europe-west4"].dns_endpoint}"
  token = data.google_client_config.this.access_token
}

module "names" {
  source = "../../../modules/names"
}

locals {
  # For ten million daily users, by the model of docs/explanation/capacity.md, which a test holds these to: the least
  # pods of timeline and edge serve the mean, the most of each serve ten times that. Home reads are most of the
  # traffic, and CPU is what they cost; fan-out follows its backlog.
  sizes = {
    timeline     = { node_class = "reads", resources = { cpu = "1" }, scaling = { min = 38, max = 400 } }
    edge         = { node_class = "reads", resources = { cpu = "4", memory = "2Gi" }, scaling = { min = 10, max = 100 } }
    tweet        = { scaling = { min = 6, max = 100, backlog_per_pod = 1000 } }
    engagement   = { scaling = { min = 6, max = 60, backlog_per_pod = 1000 } }
    notification = { scaling = { min = 3, max = 60, backlog_per_pod = 1000 } }
    graph        = { scaling = { min = 6, max = 60, backlog_per_pod = 1000 } }
    fanout       = { node_class = "workers", resources = { cpu = "1" }, scaling = { min = 6, max = 150, backlog_per_pod = 500 } }
    media        = { resources = { cpu = "2", memory = "2304Mi" }, scaling = { min = 3, max = 60, backlog_per_pod = 100 } }
    user         = { scaling = { min = 3, max = 30 } }
    id           = { scaling = { min = 3, max = 10 } }
    gateway      = { scaling = { min = 3, max = 20 } }
    identity     = { scaling = { min = 3, max = 20 } }
    collector    = { scaling = { min = 3, max = 20 } }
  }
}

module "europe_west1" {
  source              = "../../../modules/mesh"
  providers           = { google = google, kubernetes = kubernetes.europe_west1 }
  active              = local.platform.active_region == "europe-west1"
  project_id          = local.platform.project_id
  region              = "europe-west1"
  workload_pool       = local.platform.clusters["europe-west1"].workload_pool
  bigtable_instance   = local.platform.bigtable_instance
  media_bucket        = local.platform.media_bucket
  search              = var.search
  valkey              = local.platform.valkey["europe-west1"]
  schema_role         = local.platform.schema_role
  secrets             = local.platform.secrets
  signing_keys        = local.platform.signing_keys
  issuer_url          = "https://${var.domain}"
  first_party_clients = local.site.firstPartyClients
  public_reads        = local.site.publicReads
  edge_config         = file("${var.site}/envoy.yaml")
  image               = var.image
  envoy_image         = var.envoy_image
  certificate_issuer  = var.certificate_issuer
  collector_image     = var.collector_image
  sizes               = local.sizes
}

module "europe_west4" {
  source              = "../../../modules/mesh"
  providers           = { google = google, kubernetes = kubernetes.europe_west4 }
  active              = local.platform.active_region == "europe-west4"
  project_id          = local.platform.project_id
  region              = "europe-west4"
  workload_pool       = local.platform.clusters["europe-west4"].workload_pool
  bigtable_instance   = local.platform.bigtable_instance
  media_bucket        = local.platform.media_bucket
  search              = var.search
  valkey              = local.platform.valkey["europe-west4"]
  schema_role         = local.platform.schema_role
  secrets             = local.platform.secrets
  signing_keys        = local.platform.signing_keys
  issuer_url          = "https://${var.domain}"
  first_party_clients = local.site.firstPartyClients
  public_reads        = local.site.publicReads
  edge_config         = file("${var.site}/envoy.yaml")
  image               = var.image
  envoy_image         = var.envoy_image
  certificate_issuer  = var.certificate_issuer
  collector_image     = var.collector_image
  sizes               = local.sizes
}

module "edge" {
  source                  = "../../../modules/edge"
  project_id              = local.platform.project_id
  domain                  = var.domain
  dns_zone                = var.dns_zone
  media_backend_bucket_id = local.platform.media_backend_bucket_id
  preview_waf             = var.preview_waf

  backends = {
    europe-west1 = {
      zones  = local.platform.clusters["europe-west1"].zones
      neg    = module.europe_west1.edge
      active = local.platform.active_region == "europe-west1"
    }
    europe-west4 = {
      zones  = local.platform.clusters["europe-west4"].zones
      neg    = module.europe_west4.edge
      active = local.platform.active_region == "europe-west4"
    }
  }
}

module "observability" {
  source              = "../../../modules/observability"
  project_id          = local.platform.project_id
  backend_service     = module.edge.backend_service
  objectives          = module.names.objectives
  subscriptions       = keys(module.names.subscriptions)
  dead_letters        = local.platform.dead_letters
  notification_emails = var.notification_emails
  runbook_url         = var.runbook_url
}
