output "addresses" {
  description = "Anycast addresses by version."
  value       = { for version, each in google_compute_global_address.this : version => each.address }
}

output "backend_service" {
  description = "Name of the backend service, by which its metrics are found."
  value       = google_compute_backend_service.edge.name
}

output "dns_records" {
  description = "Records that the domain needs: type to name and values."
  value       = local.records
}

output "security_policy_id" {
  description = "The Cloud Armor policy."
  value       = google_compute_security_policy.edge.id
}
