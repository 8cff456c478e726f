mock_provider "google" {
  source = "../../../mocks"
}

mock_provider "google-beta" {}

run "it_can_be_made" {
  command = plan

  variables {
    project_id   = "my-project"
    media_bucket = "my-project-media"
    billing      = { account = "012345-567890-ABCDEF", amount = 1000 }
  }

  assert {
    condition     = contains(keys(output.platform.clusters), output.platform.active_region)
    error_message = "The active region has no cluster."
  }
}
