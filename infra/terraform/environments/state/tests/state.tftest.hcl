mock_provider "google" {}

run "old_states_are_kept_and_private" {
  command = plan

  variables {
    project_id = "my-state-project"
    bucket     = "my-project-state"
    operators  = ["group:infra@example.com"]
  }

  assert {
    condition     = google_storage_bucket.state.versioning[0].enabled
    error_message = "A state that was overwritten is lost."
  }
  assert {
    condition     = google_storage_bucket.state.public_access_prevention == "enforced"
    error_message = "The state could be made public."
  }
}
