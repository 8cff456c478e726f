variable "bigtable" {
  description = "Instance, and the tables the service reads and writes."
  type = object({
    instance = string
    tables   = list(string)
  })
  default = null
}

variable "media_bucket" {
  description = "Bucket whose objects the service reads, writes and signs URLs of."
  type        = string
  default     = null
}

variable "name" {
  description = "Name of the service, and of its Kubernetes service account."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,14}$", var.name))
    error_message = "The name begins with a letter and has at most 15 of a-z, 0-9 and -."
  }
}

variable "namespace" {
  description = "Kubernetes namespace of the service's pods."
  type        = string
}

variable "project_id" {
  description = "Project of the service's identity."
  type        = string
}

variable "project_roles" {
  description = "Roles on the project: for looking up tables and subscriptions, and what can be granted on nothing less."
  type        = set(string)
  default     = []
}

variable "pubsub" {
  description = "Topics the service publishes to, subscriptions it consumes, and subscriptions whose dead letters it lists and redrives."
  type = object({
    publishes          = optional(list(string), [])
    subscribes         = optional(list(string), [])
    dead_letters       = optional(list(string), [])
    dead_letter_suffix = optional(string, ".dead")
  })
  default = {}
}

variable "region" {
  description = "Region of the cluster; part of the identity's name."
  type        = string
}

variable "workload_pool" {
  description = "Workload identity pool of the cluster."
  type        = string
}
