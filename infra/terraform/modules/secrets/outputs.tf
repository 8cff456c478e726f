output "key_ids" {
  description = "Keys to their ids. Waits until the services may use them."
  value       = { for name, key in google_kms_crypto_key.this : name => key.id }
  depends_on  = [google_kms_crypto_key_iam_member.this]
}

output "rotation_topic" {
  description = "Topic of the reminders that a secret is due."
  value       = google_pubsub_topic.rotation.id
}

output "secret_ids" {
  description = "Secrets to their ids."
  value       = { for name, secret in google_secret_manager_secret.this : name => secret.id }
}
