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

run "the_cdn_reads_when_a_key_signs" {
  command = plan
  variables {
    signed_urls = true
    readers     = ["serviceAccount:media@my-project.iam.gserviceaccount.com"]
  }

  assert {
    condition     = google_storage_bucket_iam_member.cdn[0].member == "serviceAccount:service-123456789012@cloud-cdn-fill.iam.gserviceaccount.com"
    error_message = "The CDN may not read what it serves."
  }
  assert {
    condition     = length(google_storage_bucket_iam_member.readers) == 1
    error_message = "A reader may not read."
  }
}

run "classes_in_order" {
  command = plan
  variables {
    lifecycle_days = { nearline = 400 }
  }
  expect_failures = [var.lifecycle_days]
}
