# One region, the smallest of everything, and nothing that refuses to go.

# Some APIs, budgets among them, count against the project that asks, which is not the one of an operator's own login.
provider "google" {
  project               = var.project_id
  billing_project       = var.project_id
  user_project_override = true
}

provider "google-beta" {
  project               = var.project_id
  billing_project       = var.project_id
  user_project_override = true
}

module "platform" {
  source              = "../../../modules/platform"
  project_id          = var.project_id
  name                = "aviary-dev"
  active_region       = "europe-west1"
  deletion_protection = false
  billing             = var.billing
  media               = var.media_bucket == null ? null : { bucket = var.media_bucket, location = "EUROPE-WEST1" }

  regions = {
    europe-west1 = {
      zones = ["europe-west1-b"]
      ranges = {
        nodes    = "10.0.0.0/20"
        pods     = "10.16.0.0/14"
        services = "10.1.0.0/20"
        psc      = "10.2.0.0/24"
      }
      bigtable = { zone = "europe-west1-b", max_nodes = 2 }
      node_pools = {
        general = { machine_type = "e2-standard-4", min_nodes = 1, max_nodes = 4, spot = true }
      }
      valkey = { node_type = "SHARED_CORE_NANO", shard_count = 1, replica_count = 0 }
    }
  }
}
