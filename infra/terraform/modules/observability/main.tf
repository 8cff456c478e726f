locals {
  latencies    = { for name, each in var.objectives : name => each if each.metric != null }
  availability = { for name, each in var.objectives : name => each if each.metric == null }

  # The collector hands metrics to Managed Prometheus, which spells `fanout.lag` so. All of those here are histograms
  # of seconds.
  series = { for name, each in local.latencies : name => "${replace(each.metric, ".", "_")}_seconds" }
  by_method = {
    for name, each in local.latencies : name => length(each.methods) == 0 ? "" : format(
      "rpc_method=~\"%s\"", join("|", [for method in each.methods : replace(method, ".", "\\\\.")]),
    )
  }
  # A bound that is a whole number is written with and without a decimal.
  bound = { for name, each in local.latencies : name => "le=~\"${replace(tostring(each.threshold_s), ".", "\\\\.")}(\\\\.0)?\"" }

  balancer = "resource.type=\"https_lb_rule\" AND resource.labels.backend_target_name=\"${var.backend_service}\" AND metric.type=\"loadbalancing.googleapis.com/https/request_count\""

  # Objective and rate: one policy each.
  alerts = merge([
    for name, each in var.objectives : {
      for speed, burn in var.burn_rates : "${name}/${speed}" => merge(burn, {
        objective = name, speed = speed, metric = each.metric, share = burn.rate * (1 - each.goal)
      })
    }
  ]...)
  # Where the share of bad events in both windows is above that: two PromQL conditions in one.
  too_slow = {
    for key, each in local.alerts : key => join(" and ", [
      for window in [each.long_s, each.short_s] : format(
        "(1 - sum(rate(%s_bucket{%s}[%ds])) / (sum(rate(%s_count{%s}[%ds])) > 0) > %.6f)",
        local.series[each.objective],
        join(",", compact([local.bound[each.objective], local.by_method[each.objective]])),
        window,
        local.series[each.objective],
        local.by_method[each.objective],
        window,
        each.share,
      )
    ]) if each.metric != null
  }
  channels = [for each in google_monitoring_notification_channel.email : each.id]
  runbook  = var.runbook_url == null ? "" : "\n\nWhat to do: ${var.runbook_url}"
}

resource "google_monitoring_custom_service" "aviary" {
  project      = var.project_id
  service_id   = "aviary"
  display_name = "Aviary"
}

resource "google_monitoring_slo" "availability" {
  for_each            = local.availability
  project             = var.project_id
  service             = google_monitoring_custom_service.aviary.service_id
  slo_id              = each.key
  display_name        = each.key
  goal                = each.value.goal
  rolling_period_days = var.window_days

  request_based_sli {
    good_total_ratio {
      total_service_filter = local.balancer
      # A refusal of a client's mistake is a good answer.
      bad_service_filter = "${local.balancer} AND metric.labels.response_code_class=500"
    }
  }
}

resource "google_monitoring_notification_channel" "email" {
  for_each     = toset(var.notification_emails)
  project      = var.project_id
  display_name = each.key
  type         = "email"
  labels       = { email_address = each.key }
}

resource "google_monitoring_alert_policy" "burn" {
  for_each              = { for key, each in local.alerts : key => each if each.metric == null }
  project               = var.project_id
  display_name          = "${each.value.objective}: error budget burns ${each.value.speed}"
  combiner              = "AND"
  severity              = each.value.severity
  notification_channels = local.channels

  dynamic "conditions" {
    for_each = { long = each.value.long_s, short = each.value.short_s }
    content {
      display_name = "${each.value.rate} times too fast over ${conditions.value} s"
      condition_threshold {
        filter          = "select_slo_burn_rate(\"${google_monitoring_slo.availability[each.value.objective].name}\", \"${conditions.value}s\")"
        comparison      = "COMPARISON_GT"
        threshold_value = each.value.rate
        duration        = "0s"
        trigger {
          count = 1
        }
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = "At this rate the error budget of ${var.window_days} days is gone in ${floor(var.window_days * 24 / each.value.rate)} hours.${local.runbook}"
  }
}

# By query and not by an SLO, which Cloud Monitoring refuses for a metric that nobody has written yet: it would need
# services that run, and they are applied together with this.
resource "google_monitoring_alert_policy" "slow" {
  for_each              = local.too_slow
  project               = var.project_id
  display_name          = "${local.alerts[each.key].objective}: error budget burns ${local.alerts[each.key].speed}"
  combiner              = "OR"
  severity              = local.alerts[each.key].severity
  notification_channels = local.channels

  conditions {
    display_name = "${local.alerts[each.key].rate} times too fast over ${local.alerts[each.key].long_s} s"
    condition_prometheus_query_language {
      query                     = each.value
      duration                  = "0s"
      evaluation_interval       = "60s"
      disable_metric_validation = true
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = "At this rate the error budget of ${var.window_days} days is gone in ${floor(var.window_days * 24 / local.alerts[each.key].rate)} hours.${local.runbook}"
  }
}

resource "google_monitoring_alert_policy" "backlog" {
  for_each              = toset(var.subscriptions)
  project               = var.project_id
  display_name          = "${each.key}: messages wait too long"
  combiner              = "OR"
  severity              = "WARNING"
  notification_channels = local.channels

  conditions {
    display_name = "oldest message above ${var.oldest_message_s} s"
    condition_threshold {
      filter          = "resource.type=\"pubsub_subscription\" AND resource.labels.subscription_id=\"${each.key}\" AND metric.type=\"pubsub.googleapis.com/subscription/oldest_unacked_message_age\""
      comparison      = "COMPARISON_GT"
      threshold_value = var.oldest_message_s
      duration        = "120s"
      aggregations {
        alignment_period   = "60s"
        per_series_aligner = "ALIGN_MAX"
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = "Followers see tweets late, or not at all.${local.runbook}"
  }
}

resource "google_monitoring_alert_policy" "dead_letters" {
  for_each              = var.dead_letters
  project               = var.project_id
  display_name          = "${each.key}: messages were given up"
  combiner              = "OR"
  severity              = "WARNING"
  notification_channels = local.channels

  conditions {
    display_name = "a dead letter waits"
    condition_threshold {
      filter          = "resource.type=\"pubsub_subscription\" AND resource.labels.subscription_id=\"${each.value}\" AND metric.type=\"pubsub.googleapis.com/subscription/num_undelivered_messages\""
      comparison      = "COMPARISON_GT"
      threshold_value = 0
      duration        = "0s"
      aggregations {
        alignment_period   = "60s"
        per_series_aligner = "ALIGN_MAX"
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = "Mend the cause, then redrive.${local.runbook}"
  }
}
