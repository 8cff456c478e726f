mock_provider "google" {
  source = "../../mocks"
}

variables {
  name          = "fanout"
  project_id    = "my-project"
  region        = "europe-west1"
  workload_pool = "my-project.svc.id.goog"
  namespace     = "aviary"
  bigtable      = { instance = "aviary-rows", tables = ["home"] }
  pubsub        = { publishes = ["fanout-rest"], subscribes = ["fanout.plan"], dead_letters = ["tweet.erasure"] }
}

run "it_may_use_what_it_needs_and_no_more" {
  command = plan

  assert {
    condition = jsonencode(output.grants) == jsonencode({
      tables     = ["home"]
      publishes  = ["fanout-rest", "fanout.plan.dead"]
      subscribes = ["fanout.plan", "tweet.erasure.dead"]
    })
    error_message = "Grants are not what was asked for."
  }
  assert {
    condition     = length(google_project_iam_member.this) == 0
    error_message = "It has a role on the project that nobody asked for."
  }
}

run "accounts_of_long_names_differ" {
  command = plan
  variables {
    name   = "notifications-2"
    region = "northamerica-northeast1"
  }

  assert {
    condition     = google_service_account.this.account_id == "aviary-notifications-2-${substr(sha256("aviary/notifications-2/northamerica-northeast1"), 0, 6)}"
    error_message = "Two services, or two regions, would share an account."
  }
  assert {
    condition     = length(google_service_account.this.account_id) <= 30
    error_message = "The id is longer than Google takes."
  }
}

run "only_its_own_pods_are_it" {
  command = plan

  assert {
    condition     = google_service_account_iam_member.workload.member == "serviceAccount:my-project.svc.id.goog[aviary/fanout]"
    error_message = "Pods of another name can act as the service."
  }
}

run "only_who_has_a_bucket_may_sign_for_it" {
  command = plan
  variables {
    media_bucket = "my-project-media"
  }

  assert {
    condition     = google_storage_bucket_iam_member.media[0].role == "roles/storage.objectUser" && google_storage_bucket_iam_member.media[0].bucket == "my-project-media"
    error_message = "It cannot use its bucket, or can do more than that."
  }
  assert {
    condition     = length(google_service_account_iam_member.signs) == 1
    error_message = "It cannot sign URLs."
  }
}
