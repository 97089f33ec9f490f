//! Knows department 7 and FAQ 5 of company 3.

use chassis::ErrorCode;
use proto::tenancy::v1::{
    BusinessHours, CreateDepartmentRequest, CreateDepartmentResponse, CreateFaqRequest,
    CreateFaqResponse, DayHours, Department, Faq, GetDepartmentRequest, GetDepartmentResponse,
    GetFaqRequest, GetFaqResponse, ListDepartmentsRequest, ListDepartmentsResponse,
    ListFaqsRequest, ListFaqsResponse, UpdateDepartmentRequest, UpdateDepartmentResponse,
    UpdateDepartmentStatusRequest, UpdateDepartmentStatusResponse, UpdateFaqRequest,
    UpdateFaqResponse, UpdateFaqStatusRequest, UpdateFaqStatusResponse,
    department_service_server::{DepartmentService, DepartmentServiceServer},
    faq_service_server::{FaqService, FaqServiceServer},
    update_department_request::HoursChange,
};
use tonic::{Request, Response, Status, service::Routes};

use super::{Fake, missing, one_row, taken};
use crate::fakes::{Shared, refusal, wrong};

/// Adds the services to those that answer already.
pub fn add_to(routes: Routes, world: &Shared) -> Routes {
    routes
        .add_service(DepartmentServiceServer::new(Fake(world.clone())))
        .add_service(FaqServiceServer::new(Fake(world.clone())))
}

fn department() -> Department {
    Department {
        department_id: 7,
        uuid: "c169c38d-a790-4a6f-8da0-6f5e3c2f9c0a".into(),
        company_id: 3,
        name: "Soporte".into(),
        active: true,
        ..Department::default()
    }
}

fn known_department(department_id: i64) -> Result<Department, Status> {
    match department_id {
        7 => Ok(department()),
        _ => Err(missing()),
    }
}

#[tonic::async_trait]
impl DepartmentService for Fake {
    async fn list_departments(
        &self,
        request: Request<ListDepartmentsRequest>,
    ) -> Result<Response<ListDepartmentsResponse>, Status> {
        self.0.note("ListDepartments", &request)?;
        Ok(Response::new(ListDepartmentsResponse {
            departments: vec![department()],
            page: Some(one_row()),
        }))
    }

    async fn get_department(
        &self,
        request: Request<GetDepartmentRequest>,
    ) -> Result<Response<GetDepartmentResponse>, Status> {
        self.0.note("GetDepartment", &request)?;
        let department = known_department(request.get_ref().department_id)?;
        Ok(Response::new(GetDepartmentResponse {
            department: Some(Department {
                hours: Some(BusinessHours {
                    monday: Some(DayHours {
                        opens: Some("08:00".into()),
                        closes: Some("17:00".into()),
                    }),
                    ..BusinessHours::default()
                }),
                ..department
            }),
        }))
    }

    async fn create_department(
        &self,
        request: Request<CreateDepartmentRequest>,
    ) -> Result<Response<CreateDepartmentResponse>, Status> {
        self.0.note("CreateDepartment", &request)?;
        let asked = request.into_inner();
        if asked.company_id != 3 {
            return Err(wrong("company", "NOT_REGISTERED"));
        }
        if asked.name == "Ventas" {
            return Err(taken());
        }
        Ok(Response::new(CreateDepartmentResponse {
            department: Some(Department {
                department_id: 12,
                uuid: "3c4c8c0a-32e3-4d14-9a2a-6c4d8b8e4a50".into(),
                name: asked.name,
                hours: asked.hours,
                ..department()
            }),
        }))
    }

    async fn update_department(
        &self,
        request: Request<UpdateDepartmentRequest>,
    ) -> Result<Response<UpdateDepartmentResponse>, Status> {
        self.0.note("UpdateDepartment", &request)?;
        let asked = request.into_inner();
        let mut department = known_department(asked.department_id)?;
        if asked.name.is_none() && asked.hours_change.is_none() {
            return Err(refusal(ErrorCode::FailedPrecondition, "NOTHING_TO_UPDATE"));
        }
        if asked.name.as_deref() == Some("Ventas") {
            return Err(taken());
        }
        department.name = asked.name.unwrap_or(department.name);
        if let Some(HoursChange::Hours(hours)) = asked.hours_change {
            department.hours = Some(hours);
        }
        Ok(Response::new(UpdateDepartmentResponse {
            department: Some(department),
            changed: true,
        }))
    }

    async fn update_department_status(
        &self,
        request: Request<UpdateDepartmentStatusRequest>,
    ) -> Result<Response<UpdateDepartmentStatusResponse>, Status> {
        self.0.note("UpdateDepartmentStatus", &request)?;
        let asked = request.into_inner();
        let department = known_department(asked.department_id)?;
        Ok(Response::new(UpdateDepartmentStatusResponse {
            changed: department.active != asked.active,
            department: Some(Department {
                active: asked.active,
                ..department
            }),
        }))
    }
}

fn faq() -> Faq {
    Faq {
        faq_id: 5,
        company_id: 3,
        reply: "Hola, esta es la respuesta.".into(),
        department_ids: vec![0, 7],
        active: true,
    }
}

fn known_faq(faq_id: i64) -> Result<Faq, Status> {
    match faq_id {
        5 => Ok(faq()),
        _ => Err(missing()),
    }
}

#[tonic::async_trait]
impl FaqService for Fake {
    async fn list_faqs(
        &self,
        request: Request<ListFaqsRequest>,
    ) -> Result<Response<ListFaqsResponse>, Status> {
        self.0.note("ListFaqs", &request)?;
        Ok(Response::new(ListFaqsResponse {
            faqs: vec![faq()],
            page: Some(one_row()),
        }))
    }

    async fn get_faq(
        &self,
        request: Request<GetFaqRequest>,
    ) -> Result<Response<GetFaqResponse>, Status> {
        self.0.note("GetFaq", &request)?;
        Ok(Response::new(GetFaqResponse {
            faq: Some(known_faq(request.get_ref().faq_id)?),
        }))
    }

    async fn create_faq(
        &self,
        request: Request<CreateFaqRequest>,
    ) -> Result<Response<CreateFaqResponse>, Status> {
        self.0.note("CreateFaq", &request)?;
        let asked = request.into_inner();
        if asked
            .department_ids
            .iter()
            .any(|id| ![0, 7, 8].contains(id))
        {
            return Err(wrong("departament", "NOT_REGISTERED"));
        }
        Ok(Response::new(CreateFaqResponse {
            faq: Some(Faq {
                company_id: asked.company_id,
                reply: asked.reply,
                department_ids: asked.department_ids,
                ..faq()
            }),
        }))
    }

    async fn update_faq(
        &self,
        request: Request<UpdateFaqRequest>,
    ) -> Result<Response<UpdateFaqResponse>, Status> {
        self.0.note("UpdateFaq", &request)?;
        let asked = request.into_inner();
        let mut faq = known_faq(asked.faq_id)?;
        if asked.reply.is_none() && asked.departments.is_none() {
            return Err(wrong("payload", "NOTHING_TO_UPDATE"));
        }
        faq.reply = asked.reply.unwrap_or(faq.reply);
        if let Some(departments) = asked.departments {
            faq.department_ids = departments.department_ids;
        }
        Ok(Response::new(UpdateFaqResponse {
            faq: Some(faq),
            changed: true,
        }))
    }

    async fn update_faq_status(
        &self,
        request: Request<UpdateFaqStatusRequest>,
    ) -> Result<Response<UpdateFaqStatusResponse>, Status> {
        self.0.note("UpdateFaqStatus", &request)?;
        let asked = request.into_inner();
        let faq = known_faq(asked.faq_id)?;
        Ok(Response::new(UpdateFaqStatusResponse {
            changed: faq.active != asked.active,
            faq: Some(Faq {
                active: asked.active,
                ..faq
            }),
        }))
    }
}
