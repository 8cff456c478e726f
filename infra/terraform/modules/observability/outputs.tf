output "notification_channels" {
  description = "Channels by which people are notified."
  value       = local.channels
}

output "objectives" {
  description = "Objectives to their resource names."
  value       = local.slo_names
}
