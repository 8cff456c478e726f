mock_provider "google" {
  source = "../../mocks"
}

variables {
  project_id = "my-project"
  name       = "aviary-cache"
  region     = "europe-west1"
  network_id = "projects/my-project/global/networks/aviary"
}

run "a_cluster_that_evicts_and_encrypts" {
  assert {
    condition     = google_memorystore_instance.this.mode == "CLUSTER"
    error_message = "Not a cluster."
  }
  assert {
    condition     = google_memorystore_instance.this.engine_configs["maxmemory-policy"] == "allkeys-lru"
    error_message = "A full cache would refuse writes."
  }
  assert {
    condition     = google_memorystore_instance.this.transit_encryption_mode == "SERVER_AUTHENTICATION"
    error_message = "Traffic is in the clear."
  }
  assert {
    condition     = output.address == "10.2.0.2:6379"
    error_message = "The address is not the discovery endpoint's."
  }
}
