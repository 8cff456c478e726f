variable "deletion_protection" {
  description = "Whether keys and secrets refuse to be deleted."
  type        = bool
  default     = true
}

variable "first_reminder" {
  description = "When operators are first reminded to rotate, RFC 3339, and in the future; else a secret's own `remind_s` after it is made. Secret Manager moves it on by itself."
  type        = string
  default     = null
  validation {
    condition     = var.first_reminder == null ? true : can(formatdate("YYYY", var.first_reminder))
    error_message = "A time as RFC 3339 has it: a date, T, a time, and Z or an offset."
  }
}

variable "keys" {
  description = "Encryption keys by name: location, how often each is rotated, and the Google services that encrypt with it, by the domain of their service agents (see `service_agents`)."
  type = map(object({
    location   = string
    rotation_s = optional(number, 7776000)
    used_by    = list(string)
  }))
  validation {
    condition     = alltrue([for key in values(var.keys) : key.rotation_s >= 86400 && key.rotation_s <= 7776000])
    error_message = "A key is rotated once a day at the most and once in 90 days at the least: rotation_s is 86400 to 7776000."
  }
  validation {
    condition = alltrue(flatten([
      for key in values(var.keys) : [
        for service in key.used_by : contains(["bigtable", "container", "memorystore", "pubsub", "secretmanager", "storage"], service)
      ]
    ]))
    error_message = "A key is used by bigtable, container, memorystore, pubsub, secretmanager or storage."
  }
}

variable "labels" {
  description = "Labels of the secrets."
  type        = map(string)
  default     = {}
}

variable "name" {
  description = "Prefix of key rings and secrets."
  type        = string
  default     = "aviary"
}

variable "project_id" {
  description = "Project of keys and secrets."
  type        = string
}

variable "secrets" {
  description = "Secrets by name: the key (of `keys`) that encrypts each, where its versions are kept, and how often an operator is to be reminded to make a new one. Values are never here: they would be in the state."
  type = map(object({
    replicas = map(string)
    remind_s = optional(number, 7776000)
  }))
  validation {
    condition     = alltrue([for secret in values(var.secrets) : length(secret.replicas) > 0])
    error_message = "A secret has at least one replica: location to name of a key there."
  }
  validation {
    condition     = alltrue([for secret in values(var.secrets) : secret.remind_s >= 3600])
    error_message = "Secret Manager reminds once an hour at the most."
  }
}
