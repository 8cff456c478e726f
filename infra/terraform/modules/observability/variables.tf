variable "backend_service" {
  description = "Name of the load balancer's backend service, whose answers count for availability."
  type        = string
}

variable "burn_rates" {
  description = "When to call somebody: the rate at which the error budget goes, over a long window and over a short one that shows it still goes on. After the SRE workbook, chapter 5."
  type = map(object({
    rate     = number
    long_s   = number
    short_s  = number
    severity = string
  }))
  default = {
    fast = { rate = 14.4, long_s = 3600, short_s = 300, severity = "CRITICAL" }
    slow = { rate = 6, long_s = 21600, short_s = 1800, severity = "WARNING" }
  }
  validation {
    condition     = alltrue([for each in values(var.burn_rates) : each.short_s < each.long_s])
    error_message = "The short window is shorter than the long one."
  }
}

variable "dead_letters" {
  description = "Subscription to its dead letter subscription."
  type        = map(string)
  default     = {}
}

variable "notification_emails" {
  description = "Addresses that are notified."
  type        = list(string)
  default     = []
}

variable "objectives" {
  description = "Service level objectives by name: share of good events in the window, the seconds within which an event is good (null counts errors), the metric (null is the load balancer's count), and the methods it is of."
  type = map(object({
    goal        = number
    threshold_s = optional(number)
    metric      = optional(string)
    methods     = optional(list(string), [])
  }))
  validation {
    condition     = alltrue([for each in values(var.objectives) : each.goal > 0 && each.goal < 1])
    error_message = "A goal is above 0 and below 1: at 1 there is no error budget."
  }
  validation {
    condition     = alltrue([for each in values(var.objectives) : (each.threshold_s == null) == (each.metric == null)])
    error_message = "An objective has both a threshold and a metric, or neither."
  }
}

variable "oldest_message_s" {
  description = "Age in seconds of the oldest waiting message at which an alert is sent."
  type        = number
  default     = 300
}

variable "project_id" {
  description = "Project of the metrics."
  type        = string
}

variable "runbook_url" {
  description = "Where the how-to pages are, for whoever is called."
  type        = string
  default     = null
}

variable "subscriptions" {
  description = "Subscriptions to watch."
  type        = list(string)
  default     = []
}

variable "window_days" {
  description = "Days that an objective looks back."
  type        = number
  default     = 30
  validation {
    condition     = var.window_days >= 1 && var.window_days <= 30
    error_message = "Cloud Monitoring looks back 1 to 30 days."
  }
}
