# Two regions. The active one serves; the other holds replicas of all rows and stands by.

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

locals {
  # Reads are bound by CPU, workers by what they wait for: pools of their own scale apart.
  node_pools = {
    general = { machine_type = "n2-standard-8", min_nodes = 1, max_nodes = 10 }
    reads   = { machine_type = "c3-highcpu-22", min_nodes = 1, max_nodes = 40 }
    workers = { machine_type = "n2-standard-8", min_nodes = 1, max_nodes = 20 }
  }
  # Shards and nodes of Bigtable are for ten million daily users too: docs/explanation/capacity.md, which a test holds
  # them to. Shards do not come and go, so there are as many as the peak takes.
  valkey   = { node_type = "HIGHMEM_MEDIUM", shard_count = 45, replica_count = 1 }
  bigtable = { min_nodes = 9, max_nodes = 85 }
}

module "platform" {
  source        = "../../../modules/platform"
  project_id    = var.project_id
  active_region = var.active_region
  billing       = var.billing
  media         = var.media_bucket == null ? null : { bucket = var.media_bucket, location = "EU" }

  regions = {
    europe-west1 = {
      zones = ["europe-west1-b", "europe-west1-c", "europe-west1-d"]
      ranges = {
        nodes    = "10.0.0.0/20"
        pods     = "10.16.0.0/14"
        services = "10.1.0.0/20"
        psc      = "10.2.0.0/24"
      }
      bigtable   = merge(local.bigtable, { zone = "europe-west1-b" })
      node_pools = local.node_pools
      valkey     = local.valkey
    }
    europe-west4 = {
      zones = ["europe-west4-a", "europe-west4-b", "europe-west4-c"]
      ranges = {
        nodes    = "10.0.16.0/20"
        pods     = "10.20.0.0/14"
        services = "10.1.16.0/20"
        psc      = "10.2.1.0/24"
      }
      bigtable   = merge(local.bigtable, { zone = "europe-west4-a" })
      node_pools = local.node_pools
      valkey     = local.valkey
    }
  }
}
