locals {
  # A dead letter twin for each subscription: topic and subscription of one name.
  dead     = { for name in keys(var.subscriptions) : name => "${name}${var.dead_letter_suffix}" }
  consumed = merge(var.subscriptions, { for name in values(local.dead) : name => name })
  topics   = toset(concat(var.topics, values(local.dead)))
}

resource "google_pubsub_topic" "this" {
  for_each     = local.topics
  project      = var.project_id
  name         = each.key
  kms_key_name = var.kms_key_id
  labels       = var.labels

  dynamic "message_storage_policy" {
    for_each = length(var.persistence_regions) > 0 ? [var.persistence_regions] : []
    content {
      allowed_persistence_regions = message_storage_policy.value
    }
  }
}

# No dead_letter_policy: Pub/Sub would count an outage as an attempt and give up messages that
# nothing is wrong with; the consumer counts for itself. No retry_policy: the consumer sets each
# delay, and a policy would hold back what an operator lists and gives back at once. No ordering:
# handlers are right in any order, and ordering keys would bound a busy author to 1 MB/s.
resource "google_pubsub_subscription" "this" {
  for_each                = local.consumed
  project                 = var.project_id
  name                    = each.key
  topic                   = google_pubsub_topic.this[each.value].id
  ack_deadline_seconds    = var.ack_deadline_s
  enable_message_ordering = false
  labels                  = var.labels

  message_retention_duration = "${each.key == each.value ? var.retention.dead_s : var.retention.live_s}s"

  # Never: a region that is down for a month must not lose its subscriptions.
  expiration_policy {
    ttl = ""
  }

  lifecycle {
    precondition {
      condition     = contains(local.topics, each.value)
      error_message = "Subscription ${each.key} is of ${each.value}, which is not a topic."
    }
  }
}
