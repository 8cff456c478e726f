output "addresses" {
  description = "Anycast addresses of the edge."
  value       = module.edge.addresses
}

output "dns_records" {
  description = "Records that the domain needs, where no DNS zone was given."
  value       = module.edge.dns_records
}

output "running" {
  description = "Regions to the services that run there."
  value = {
    europe-west1 = module.europe_west1.running
    europe-west4 = module.europe_west4.running
  }
}
