mock_provider "google" {
  source = "../../mocks"
}

variables {
  project_id    = "my-project"
  topics        = ["tweet-events"]
  subscriptions = { "fanout.plan" = "tweet-events" }
}

run "dead_letters_have_a_topic_and_a_subscription" {
  command = plan

  assert {
    condition     = toset(keys(google_pubsub_topic.this)) == toset(["tweet-events", "fanout.plan.dead"])
    error_message = "Topics are not what they should be."
  }
  assert {
    condition     = toset(keys(google_pubsub_subscription.this)) == toset(["fanout.plan", "fanout.plan.dead"])
    error_message = "Subscriptions are not what they should be."
  }
}

run "pubsub_gives_nothing_up_by_itself" {
  command = plan

  assert {
    condition     = alltrue([for each in google_pubsub_subscription.this : length(each.dead_letter_policy) == 0])
    error_message = "Pub/Sub counts outages as attempts: it must not move messages away."
  }
  assert {
    condition     = alltrue([for each in google_pubsub_subscription.this : each.expiration_policy[0].ttl == ""])
    error_message = "A subscription would expire."
  }
  assert {
    condition     = google_pubsub_subscription.this["fanout.plan.dead"].message_retention_duration == "2678400s"
    error_message = "Dead letters are kept as long as can be."
  }
}

run "a_subscription_needs_its_topic" {
  command = plan
  variables {
    subscriptions = { "fanout.plan" = "tweet-evnets" }
  }
  expect_failures = [google_pubsub_subscription.this]
}
