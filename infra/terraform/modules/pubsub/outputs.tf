output "dead_letters" {
  description = "Subscription to the name of its dead letter topic and subscription."
  value       = local.dead
}

output "subscriptions" {
  description = "Names of all subscriptions, those of dead letters too."
  value       = [for each in google_pubsub_subscription.this : each.name]
}

output "topics" {
  description = "Names of all topics, those of dead letters too."
  value       = [for each in google_pubsub_topic.this : each.name]
}
