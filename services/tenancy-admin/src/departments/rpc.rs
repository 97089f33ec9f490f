//! `DepartmentService`: decode, call, encode.

use auth::{Caller, CompanyId, DepartmentId};
use idempotency::{Asked, Begun};
use proto::tenancy::v1::{
    self as pb, BusinessHours, CreateDepartmentRequest, CreateDepartmentResponse, DayHours,
    GetDepartmentRequest, GetDepartmentResponse, ListDepartmentsRequest, ListDepartmentsResponse,
    UpdateDepartmentRequest, UpdateDepartmentResponse, UpdateDepartmentStatusRequest,
    UpdateDepartmentStatusResponse, department_service_server::DepartmentService,
    update_department_request::HoursChange,
};
use tonic::{Request, Response, Status};

use super::{Change, Day, Department, Departments, Filter, Hours, NewHours};
use crate::{
    error::Error,
    paging,
    rights::{Action, permit},
};

#[tonic::async_trait]
impl DepartmentService for Departments {
    async fn list_departments(
        &self,
        request: Request<ListDepartmentsRequest>,
    ) -> Result<Response<ListDepartmentsResponse>, Status> {
        let caller = auth::caller(&request)?.clone();
        let asked = request.into_inner();
        let page = paging::page(asked.page);
        let filter = Filter {
            name: asked.name,
            company: CompanyId::present(asked.company_id),
            hours: asked.hours_text,
            active: asked.active,
        };
        let (departments, total) = self.list(&caller, &filter, page).await?;
        Ok(Response::new(ListDepartmentsResponse {
            departments: departments.into_iter().map(encode).collect(),
            page: Some(paging::info(page, total)),
        }))
    }

    async fn get_department(
        &self,
        request: Request<GetDepartmentRequest>,
    ) -> Result<Response<GetDepartmentResponse>, Status> {
        let id = DepartmentId(request.get_ref().department_id);
        let department = self.get(auth::caller(&request)?, id).await?;
        Ok(Response::new(GetDepartmentResponse {
            department: Some(encode(department)),
        }))
    }

    async fn create_department(
        &self,
        request: Request<CreateDepartmentRequest>,
    ) -> Result<Response<CreateDepartmentResponse>, Status> {
        let caller = auth::caller(&request)?.clone();
        let answer = self.create_once(&caller, request.into_inner()).await?;
        Ok(Response::new(answer))
    }

    async fn update_department(
        &self,
        request: Request<UpdateDepartmentRequest>,
    ) -> Result<Response<UpdateDepartmentResponse>, Status> {
        let caller = auth::caller(&request)?.clone();
        let asked = request.into_inner();
        let change = Change {
            company: asked.company_id.map(CompanyId),
            name: asked.name,
            hours: match asked.hours_change {
                Some(HoursChange::Hours(hours)) => Some(NewHours::Weekly(Box::new(decode(hours)))),
                Some(HoursChange::AlwaysOpen(true)) => Some(NewHours::AlwaysOpen),
                Some(HoursChange::AlwaysOpen(false)) | None => None,
            },
        };
        let id = DepartmentId(asked.department_id);
        let (department, changed) = self.update(&caller, id, change).await?;
        Ok(Response::new(UpdateDepartmentResponse {
            department: Some(encode(department)),
            changed,
        }))
    }

    async fn update_department_status(
        &self,
        request: Request<UpdateDepartmentStatusRequest>,
    ) -> Result<Response<UpdateDepartmentStatusResponse>, Status> {
        let asked = request.get_ref();
        let id = DepartmentId(asked.department_id);
        let caller = auth::caller(&request)?;
        let (department, changed) = self.set_active(caller, id, asked.active).await?;
        Ok(Response::new(UpdateDepartmentStatusResponse {
            department: Some(encode(department)),
            changed,
        }))
    }
}

impl Departments {
    async fn create_once(
        &self,
        caller: &Caller,
        asked: CreateDepartmentRequest,
    ) -> Result<CreateDepartmentResponse, Error> {
        // Who may not do it any more hears of no earlier answer either.
        permit(caller, Action::WriteDepartments)?;
        let keyed = Asked::new(caller, "CreateDepartment", &asked.idempotency_key, &asked)?;
        let mut work = match self.keys.begin(&self.pool, self.clock.now(), keyed).await? {
            Begun::Answered(answer) => return Ok(answer),
            Begun::Work(work) => work,
        };
        let company = CompanyId(asked.company_id);
        let hours = asked.hours.map(decode);
        let department = self
            .create(work.db(), caller, company, &asked.name, hours)
            .await?;
        let answer = CreateDepartmentResponse {
            department: Some(encode(department)),
        };
        work.commit(&answer).await?;
        Ok(answer)
    }
}

/// A department for the wire.
pub fn encode(department: Department) -> pb::Department {
    pb::Department {
        department_id: department.id.0,
        uuid: department.uuid.to_string(),
        company_id: department.company.0,
        name: department.name,
        hours: department.hours.map(encode_hours),
        active: department.active,
        time_zone: department.time_zone,
    }
}

fn encode_hours(hours: Hours) -> BusinessHours {
    let [
        monday,
        tuesday,
        wednesday,
        thursday,
        friday,
        saturday,
        sunday,
    ] = hours.days.map(|day| {
        let known = day.opens.is_some() || day.closes.is_some();
        known.then_some(DayHours {
            opens: day.opens,
            closes: day.closes,
        })
    });
    BusinessHours {
        monday,
        tuesday,
        wednesday,
        thursday,
        friday,
        saturday,
        sunday,
        default_reply: hours.reply,
        email: hours.email,
    }
}

fn decode(hours: BusinessHours) -> Hours {
    let days = [
        hours.monday,
        hours.tuesday,
        hours.wednesday,
        hours.thursday,
        hours.friday,
        hours.saturday,
        hours.sunday,
    ];
    Hours {
        days: days.map(|day| {
            let day = day.unwrap_or_default();
            Day {
                opens: day.opens,
                closes: day.closes,
            }
        }),
        reply: hours.default_reply,
        email: hours.email,
    }
}
