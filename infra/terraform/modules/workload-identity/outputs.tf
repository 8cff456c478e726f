output "email" {
  description = "The Google identity, for the annotation of the Kubernetes service account."
  value       = google_service_account.this.email
}

output "grants" {
  description = "What the service may use: tables, topics it publishes to, subscriptions it consumes."
  value = {
    tables     = sort([for each in google_bigtable_table_iam_member.this : each.table])
    publishes  = sort([for each in google_pubsub_topic_iam_member.publishes : each.topic])
    subscribes = sort([for each in google_pubsub_subscription_iam_member.consumes : each.subscription])
  }
}
