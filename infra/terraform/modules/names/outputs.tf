output "ack_deadline_s" {
  description = "Seconds after which an unacknowledged message is delivered again."
  value       = local.ack_deadline_s
}

output "app_profile" {
  description = "The app profile by which services reach Bigtable."
  value       = local.app_profile
}

output "column_family" {
  description = "The one column family of every table."
  value       = local.column_family
}

output "dead_letter_operator" {
  description = "The service that lists and redrives dead letters of every subscription."
  value       = local.dead_letter_operator
}

output "dead_letter_suffix" {
  description = "What a dead letter topic and its subscription add to a subscription's name."
  value       = local.dead_letter_suffix
}

output "edge_port" {
  description = "The port Envoy listens on."
  value       = local.edge_port
}

output "objectives" {
  description = "Service level objectives by name."
  value       = local.objectives
}

output "probe_port" {
  description = "The port where services answer health checks without a certificate."
  value       = local.probe_port
}

output "secrets" {
  description = "Environment variables of services that hold secrets. A secret is made for each; its value is added by hand."
  value       = local.secrets
}

output "server_domain" {
  description = "Domain of the DNS names in services' certificates."
  value       = local.server_domain
}

output "services" {
  description = "Services by name: ports, and the tables, topics, subscriptions and secrets each may use."
  value       = local.services
}

output "subscriptions" {
  description = "Subscription to topic."
  value       = local.subscriptions
}

output "tables" {
  description = "Tables by name: retention of cells and form of the row key."
  value       = local.tables
}

output "topics" {
  description = "All topics but the dead letter topics."
  value       = local.topics
}

output "trust_domain" {
  description = "SPIFFE trust domain of services' certificates."
  value       = local.trust_domain
}
