mock_provider "google" {
  source = "../../mocks"
}

variables {
  name            = "aviary"
  billing_account = "012345-567890-ABCDEF"
  project_number  = "123456789012"
  amount          = 1000
}

run "it_counts_this_project_alone" {
  command = plan

  assert {
    condition     = google_billing_budget.this.budget_filter[0].projects == toset(["projects/123456789012"])
    error_message = "Costs of other projects count."
  }
  assert {
    condition     = length(google_billing_budget.this.threshold_rules) == 5
    error_message = "Thresholds are missing."
  }
}

run "cents_are_not_whole" {
  command = plan
  variables {
    amount = 0.5
  }
  expect_failures = [var.amount]
}
