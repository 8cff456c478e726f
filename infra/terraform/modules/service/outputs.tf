output "address" {
  description = "host:port at which siblings find the service."
  value       = "${kubernetes_service_v1.this.metadata[0].name}.${var.namespace}.svc.cluster.local:${var.port}"
}

output "grants" {
  description = "What the service may use: tables, topics it publishes to, subscriptions it consumes."
  value = {
    tables     = sort([for each in google_bigtable_table_iam_member.this : each.table])
    publishes  = sort([for each in google_pubsub_topic_iam_member.publishes : each.topic])
    subscribes = sort([for each in google_pubsub_subscription_iam_member.consumes : each.subscription])
  }
}

output "running" {
  description = "Whether pods run here."
  value       = length(kubernetes_deployment_v1.this) > 0
}

output "service_account" {
  description = "Email of the service's Google identity."
  value       = google_service_account.this.email
}
