mock_provider "google" {
  source = "../../mocks"
}

mock_provider "google-beta" {}

variables {
  project_id = "my-project"
  keys       = { stores = { location = "europe-west1", used_by = ["bigtable", "secretmanager"] } }
  secrets    = { cursor-key = { replicas = { europe-west1 = "stores" } } }
}

run "only_those_who_encrypt_may_use_a_key" {
  command = plan

  assert {
    condition = toset([for each in google_kms_crypto_key_iam_member.this : each.member]) == toset([
      "serviceAccount:service-123456789012@gcp-sa-bigtable.iam.gserviceaccount.com",
      "serviceAccount:service-123456789012@gcp-sa-secretmanager.iam.gserviceaccount.com",
    ])
    error_message = "Somebody else may use the key, or somebody may not."
  }
  assert {
    condition     = google_kms_crypto_key.this["stores"].rotation_period == "7776000s"
    error_message = "The key is not rotated."
  }
}

run "agents_are_there_before_they_are_granted_a_key" {
  command = plan

  assert {
    condition     = toset([for each in google_project_service_identity.agent : each.service]) == toset(["bigtableadmin.googleapis.com", "secretmanager.googleapis.com"])
    error_message = "A service that encrypts has no agent."
  }
}

run "storage_has_an_agent_when_it_is_asked_for" {
  command = plan
  variables {
    keys    = { media = { location = "europe", used_by = ["storage"] } }
    secrets = {}
  }

  assert {
    condition     = length(data.google_storage_project_service_account.agent) == 1
    error_message = "Storage may use a key before it has an account."
  }
}

run "the_first_reminder_is_to_come" {
  command = plan

  assert {
    condition     = timecmp(google_secret_manager_secret.this["cursor-key"].rotation[0].next_rotation_time, plantimestamp()) > 0
    error_message = "Secret Manager takes no time that has passed."
  }
}

run "a_year_is_too_long" {
  command = plan
  variables {
    keys    = { stores = { location = "europe-west1", used_by = ["bigtable"], rotation_s = 31536000 } }
    secrets = {}
  }
  expect_failures = [var.keys]
}
