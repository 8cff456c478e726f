output "addresses" {
  description = "Anycast addresses of the edge."
  value       = module.edge.addresses
}

output "dns_records" {
  description = "Records that the domain needs, where no DNS zone was given."
  value       = module.edge.dns_records
}
