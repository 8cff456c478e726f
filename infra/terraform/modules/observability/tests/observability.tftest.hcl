mock_provider "google" {
  source = "../../mocks"
}

variables {
  project_id      = "my-project"
  backend_service = "aviary-edge"
  objectives = {
    edge-availability = { goal = 0.999 }
    fanout-lag        = { goal = 0.99, threshold_s = 5, metric = "fanout.lag" }
    home-read-latency = { goal = 0.99, threshold_s = 0.5, metric = "rpc.server.duration", methods = ["aviary.timeline.v1.TimelineService/GetHomeTimeline"] }
  }
  dead_letters  = { "fanout.plan" = "fanout.plan.dead" }
  subscriptions = ["fanout.plan"]
}

run "objectives_read_the_series_of_the_code" {
  command = plan

  assert {
    condition     = strcontains(google_monitoring_slo.latency["fanout-lag"].request_based_sli[0].distribution_cut[0].distribution_filter, "prometheus.googleapis.com/fanout_lag_seconds/histogram")
    error_message = "The lag's series is misspelt."
  }
  assert {
    condition     = endswith(google_monitoring_slo.latency["home-read-latency"].request_based_sli[0].distribution_cut[0].distribution_filter, "rpc_method=one_of(\"aviary.timeline.v1.TimelineService/GetHomeTimeline\")")
    error_message = "The objective is of other methods too."
  }
}

run "each_objective_has_a_fast_and_a_slow_alert" {
  assert {
    condition     = length(google_monitoring_alert_policy.burn) == 6
    error_message = "An objective has no alert."
  }
}

run "a_goal_of_all_has_no_budget" {
  command = plan
  variables {
    objectives = { edge-availability = { goal = 1 } }
  }
  expect_failures = [var.objectives]
}
