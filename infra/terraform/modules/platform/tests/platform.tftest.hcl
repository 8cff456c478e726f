mock_provider "google" {
  source = "../../mocks"
}

mock_provider "google-beta" {}

variables {
  project_id    = "my-project"
  active_region = "europe-west1"
  media         = { bucket = "my-project-media", location = "EU" }
  billing       = { account = "012345-567890-ABCDEF", amount = 1000 }
  regions = {
    europe-west1 = {
      zones      = ["europe-west1-b", "europe-west1-c", "europe-west1-d"]
      ranges     = { nodes = "10.0.0.0/20", pods = "10.16.0.0/14", services = "10.1.0.0/20", psc = "10.2.0.0/24" }
      bigtable   = { zone = "europe-west1-b" }
      node_pools = { general = { machine_type = "n2-standard-8", max_nodes = 10 } }
    }
    europe-west4 = {
      zones      = ["europe-west4-a", "europe-west4-b", "europe-west4-c"]
      ranges     = { nodes = "10.0.16.0/20", pods = "10.20.0.0/14", services = "10.1.16.0/20", psc = "10.2.1.0/24" }
      bigtable   = { zone = "europe-west4-a" }
      node_pools = { general = { machine_type = "n2-standard-8", max_nodes = 10 } }
    }
  }
}

run "every_region_has_what_services_need" {
  assert {
    condition     = toset(keys(output.clusters)) == toset(["europe-west1", "europe-west4"])
    error_message = "A region has no cluster."
  }
  assert {
    condition     = output.valkey["europe-west4"].cache == "10.2.0.2:6379" && output.valkey["europe-west4"].range == "10.2.1.0/24"
    error_message = "A region has no cache."
  }
  assert {
    condition     = module.bigtable.active_cluster == "aviary-europe-west1"
    error_message = "Rows are written elsewhere than where services run."
  }
}

run "quotas_are_known_before_the_first_apply" {
  command = plan

  assert {
    condition = jsonencode(output.quotas["europe-west1"]) == jsonencode({
      bigtable_nodes = 3
      disk_gb        = 1500
      nodes          = 30
      valkey_nodes   = 8
      vcpus          = { n2 = 240 }
    })
    error_message = "A region comes to use something else."
  }
}

run "the_active_region_must_be_there" {
  variables {
    active_region = "europe-west9"
  }
  command         = plan
  expect_failures = [var.active_region]
}
