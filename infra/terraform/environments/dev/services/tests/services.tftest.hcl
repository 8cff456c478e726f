mock_provider "google" {
  source = "../../../mocks"
}

mock_provider "kubernetes" {}

override_data {
  target = data.terraform_remote_state.platform
  values = {
    outputs = {
      platform = {
        project_id              = "my-project"
        active_region           = "europe-west1"
        bigtable_instance       = "aviary-rows"
        schema_role             = "projects/my-project/roles/aviary_schema_reader"
        media_backend_bucket_id = "projects/my-project/global/backendBuckets/media"
        media_bucket            = "my-project-media"
        dead_letters            = { "fanout.plan" = "fanout.plan.dead" }
        secrets                 = { AVIARY_CURSOR_KEY = "projects/my-project/secrets/aviary-cursor-key" }
        clusters = {
          europe-west1 = { dns_endpoint = "one.gke.goog", workload_pool = "my-project.svc.id.goog", zones = ["europe-west1-b", "europe-west1-c", "europe-west1-d"] }
          europe-west4 = { dns_endpoint = "four.gke.goog", workload_pool = "my-project.svc.id.goog", zones = ["europe-west4-a", "europe-west4-b", "europe-west4-c"] }
        }
        signing_keys = "projects/my-project/secrets/aviary-signing-keys"
        valkey = {
          europe-west1 = { cache = "10.2.0.2:6379", nonces = "10.2.0.3:6379", certificate_authorities = "-----BEGIN CERTIFICATE-----", range = "10.2.0.0/24" }
          europe-west4 = { cache = "10.2.1.2:6379", nonces = "10.2.1.3:6379", certificate_authorities = "-----BEGIN CERTIFICATE-----", range = "10.2.1.0/24" }
        }
      }
    }
  }
}

variables {
  site            = "tests/site"
  state_bucket    = "my-project-state"
  domain          = "api.example.com"
  image           = "example.com/aviary@sha256:1111111111111111111111111111111111111111111111111111111111111111"
  envoy_image     = "example.com/envoy@sha256:2222222222222222222222222222222222222222222222222222222222222222"
  collector_image = "example.com/collector@sha256:3333333333333333333333333333333333333333333333333333333333333333"
}

run "it_can_be_made" {
  command = plan

  assert {
    condition     = toset(keys(output.addresses)) == toset(["IPV4", "IPV6"])
    error_message = "The edge has no address."
  }
}
