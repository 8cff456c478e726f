mock_provider "google" {
  source = "../../mocks"
}

variables {
  project_id = "my-project"
  domain     = "api.example.com"
  backends = {
    europe-west1 = { zones = ["europe-west1-b", "europe-west1-c"], neg = "aviary-edge" }
    europe-west4 = { zones = ["europe-west4-a"], neg = "aviary-edge", active = false }
  }
}

run "a_region_that_stands_by_gets_nothing" {
  command = plan

  assert {
    condition = toset([for each in google_compute_backend_service.edge.backend : each.group if each.capacity_scaler == 1]) == toset([
      "projects/my-project/zones/europe-west1-b/networkEndpointGroups/aviary-edge",
      "projects/my-project/zones/europe-west1-c/networkEndpointGroups/aviary-edge",
    ])
    error_message = "Traffic goes to the wrong zones."
  }
}

run "floods_and_large_bodies_are_refused" {
  command = plan

  assert {
    condition     = toset([for rule in google_compute_security_policy.edge.rule : rule.action if length(rule.rate_limit_options) > 0]) == toset(["rate_based_ban", "throttle"])
    error_message = "Reads and writes are limited apart."
  }
  assert {
    condition     = anytrue([for rule in google_compute_security_policy.edge.rule : endswith(try(rule.match[0].expr[0].expression, ""), "> 65536")])
    error_message = "No rule refuses large bodies."
  }
}

run "plain_http_is_sent_to_https" {
  command = plan

  assert {
    condition     = google_compute_url_map.http.default_url_redirect[0].https_redirect
    error_message = "Plain HTTP is served."
  }
}

run "somebody_must_serve" {
  command = plan
  variables {
    backends = { europe-west1 = { zones = ["europe-west1-b"], neg = "aviary-edge", active = false } }
  }
  expect_failures = [var.backends]
}
