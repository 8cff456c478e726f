provider "google" {
  project               = local.platform.project_id
  billing_project       = local.platform.project_id
  user_project_override = true
}

provider "kubernetes" {
  host  = "https://${local.platform.clusters["europe-west1"].dns_endpoint}"
  token = data.google_client_config.this.access_token
}

module "names" {
  source = "../../../modules/names"
}

module "mesh" {
  source              = "../../../modules/mesh"
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
  log_level           = "debug"

  # One pod each: dev is for trying things, not for traffic.
  sizes = {
    for name in concat(keys(module.names.services), ["edge", "collector"]) : name => {
      resources = { cpu = "250m", memory = "384Mi" }
      scaling   = { min = 1, max = 2 }
    }
  }
}

module "edge" {
  source                  = "../../../modules/edge"
  project_id              = local.platform.project_id
  name                    = "aviary-dev"
  domain                  = var.domain
  dns_zone                = var.dns_zone
  media_backend_bucket_id = local.platform.media_backend_bucket_id
  preview_waf             = true

  backends = {
    europe-west1 = {
      zones = local.platform.clusters["europe-west1"].zones
      neg   = module.mesh.edge
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
