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
    condition     = output.queries["fanout-lag/fast"] == "(1 - sum(rate(fanout_lag_seconds_bucket{le=~\"5(\\\\.0)?\"}[3600s])) / (sum(rate(fanout_lag_seconds_count{}[3600s])) > 0) > 0.144000) and (1 - sum(rate(fanout_lag_seconds_bucket{le=~\"5(\\\\.0)?\"}[300s])) / (sum(rate(fanout_lag_seconds_count{}[300s])) > 0) > 0.144000)"
    error_message = "The lag is asked for otherwise: ${output.queries["fanout-lag/fast"]}"
  }
  assert {
    condition     = strcontains(output.queries["home-read-latency/slow"], "rpc_server_duration_seconds_bucket{le=~\"0\\\\.5(\\\\.0)?\",rpc_method=~\"aviary\\\\.timeline\\\\.v1\\\\.TimelineService/GetHomeTimeline\"}[21600s]")
    error_message = "The objective is of other methods too: ${output.queries["home-read-latency/slow"]}"
  }
}

run "each_objective_has_a_fast_and_a_slow_alert" {
  assert {
    condition     = length(google_monitoring_alert_policy.burn) == 2 && length(google_monitoring_alert_policy.slow) == 4
    error_message = "An objective has no alert."
  }
}

run "a_first_apply_needs_no_metric_of_services" {
  command = plan

  assert {
    condition     = alltrue([for each in google_monitoring_alert_policy.slow : each.conditions[0].condition_prometheus_query_language[0].disable_metric_validation])
    error_message = "Cloud Monitoring would refuse a query of what nobody has written yet."
  }
  assert {
    condition     = toset(keys(google_monitoring_slo.availability)) == toset(["edge-availability"])
    error_message = "An SLO names a metric that is there only once services run."
  }
}

run "a_goal_of_all_has_no_budget" {
  command = plan
  variables {
    objectives = { edge-availability = { goal = 1 } }
  }
  expect_failures = [var.objectives]
}
