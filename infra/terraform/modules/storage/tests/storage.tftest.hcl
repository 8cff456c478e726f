mock_provider "google" {
  source = "../../mocks"
}

variables {
  project_id  = "my-project"
  bucket_name = "my-project-media"
  location    = "EU"
}

run "objects_are_private" {
  command = plan

  assert {
    condition     = google_storage_bucket.media.public_access_prevention == "enforced"
    error_message = "Objects can be made public."
  }
  assert {
    condition     = google_compute_backend_bucket.media.enable_cdn
    error_message = "There is no CDN."
  }
}

run "classes_in_order" {
  command = plan
  variables {
    lifecycle_days = { nearline = 400 }
  }
  expect_failures = [var.lifecycle_days]
}
