mock_provider "google" {
  source = "../../mocks"
}

variables {
  project_id = "my-project"
  name       = "aviary-europe-west1"
  region     = "europe-west1"
  zones      = ["europe-west1-b", "europe-west1-c"]
  network_id = "projects/my-project/global/networks/aviary"
  node_tag   = "aviary-node"
  kms_key_id = "projects/my-project/locations/europe-west1/keyRings/aviary/cryptoKeys/cluster"
  subnet     = { id = "subnet", pods_range = "pods", services_range = "services" }
  node_pools = { reads = { machine_type = "c3-highcpu-22", max_nodes = 40 } }
}

run "private_and_with_identities" {
  command = plan

  assert {
    condition     = google_container_cluster.this.private_cluster_config[0].enable_private_nodes
    error_message = "Nodes have public addresses."
  }
  assert {
    condition     = google_container_cluster.this.workload_identity_config[0].workload_pool == "my-project.svc.id.goog"
    error_message = "Pods have no identities."
  }
  assert {
    condition     = google_container_node_pool.this["reads"].node_config[0].workload_metadata_config[0].mode == "GKE_METADATA"
    error_message = "Pods could take the node's identity."
  }
  assert {
    condition     = google_container_node_pool.this["reads"].node_config[0].labels["aviary/class"] == "reads"
    error_message = "Pods cannot choose the pool."
  }
}

run "accounts_of_long_names_differ" {
  command = plan
  variables {
    name = "aviary-northamerica-northeast1"
  }
  assert {
    condition     = google_service_account.nodes.account_id == "nodes-aviary-northameri-${substr(sha256("aviary-northamerica-northeast1"), 0, 6)}"
    error_message = "Nodes of this cluster and of aviary-northamerica-northeast2 would share an account."
  }
}

run "a_zone_needs_a_node" {
  command = plan
  variables {
    node_pools = { reads = { machine_type = "c3-highcpu-22", min_nodes = 0, max_nodes = 4 } }
  }
  expect_failures = [var.node_pools]
}

run "a_zone_is_of_the_region" {
  command = plan
  variables {
    zones = ["europe-west4-a"]
  }
  expect_failures = [var.zones]
}

run "bounds_in_order" {
  command = plan
  variables {
    node_pools = { reads = { machine_type = "c3-highcpu-22", min_nodes = 5, max_nodes = 4 } }
  }
  expect_failures = [var.node_pools]
}
