mock_provider "google" {
  source = "../../mocks"
}

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

run "a_year_is_too_long" {
  command = plan
  variables {
    keys    = { stores = { location = "europe-west1", used_by = ["bigtable"], rotation_s = 31536000 } }
    secrets = {}
  }
  expect_failures = [var.keys]
}
