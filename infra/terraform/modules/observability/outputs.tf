output "notification_channels" {
  description = "Channels by which people are notified."
  value       = local.channels
}

output "objectives" {
  description = "Objectives of availability to their resource names."
  value       = { for name, each in google_monitoring_slo.availability : name => each.name }
}

output "queries" {
  description = "PromQL by which objectives of latency are watched, by objective and burn rate."
  value       = local.too_slow
}
