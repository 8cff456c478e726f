mock_provider "google" {
  source = "../../mocks"
}

mock_provider "kubernetes" {}

variables {
  project_id         = "my-project"
  region             = "europe-west1"
  workload_pool      = "my-project.svc.id.goog"
  bigtable_instance  = "aviary-rows"
  image              = "example.com/aviary@sha256:1111111111111111111111111111111111111111111111111111111111111111"
  edge_image         = "example.com/edge@sha256:2222222222222222222222222222222222222222222222222222222222222222"
  cache              = { address = "10.2.0.2:6379", certificate_authorities = "-----BEGIN CERTIFICATE-----" }
  certificate_issuer = "aviary-mesh"
  issuer_url         = "https://api.example.com"
  schema_role        = "projects/my-project/roles/aviary_schema_reader"
}

run "only_the_operator_of_dead_letters_sees_all_of_them" {
  assert {
    condition     = contains(output.grants["fanout"].subscribes, "graph.erasure.dead")
    error_message = "The fan-out cannot list the dead letters of others."
  }
  assert {
    condition     = output.grants["tweet"].subscribes == tolist(["tweet.erasure"])
    error_message = "The tweet service reads more than its own."
  }
  assert {
    condition     = jsonencode(output.grants["gateway"]) == jsonencode({ tables = [], publishes = [], subscribes = [] })
    error_message = "The gateway needs nothing of the cloud."
  }
}

run "names_of_identities_differ" {
  assert {
    condition     = length(distinct(values(output.addresses))) == length(output.addresses)
    error_message = "Two services share an address."
  }
}

run "an_issuer_has_no_path" {
  command = plan
  variables {
    issuer_url = "https://api.example.com/oauth"
  }
  expect_failures = [var.issuer_url]
}

run "plaintext_is_asked_for_by_name" {
  command = plan
  variables {
    certificate_issuer = null
  }
  expect_failures = [var.certificate_issuer]
}

run "plaintext_and_an_issuer_are_too_much" {
  command = plan
  variables {
    plaintext = true
  }
  expect_failures = [var.certificate_issuer]
}
