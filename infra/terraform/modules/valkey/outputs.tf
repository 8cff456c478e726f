output "address" {
  description = "host:port by which a client discovers the cluster."
  value       = "${one(local.discovery[*].ip_address)}:${one(local.discovery[*].port)}"
}

output "certificate_authorities" {
  description = "PEM of the authorities that signed the servers' certificates."
  value = join("\n", flatten([
    for managed in google_memorystore_instance.this.managed_server_ca : [
      for each in managed.ca_certs : each.certificates
    ]
  ]))
}

output "id" {
  description = "Id of the instance."
  value       = google_memorystore_instance.this.id
}
